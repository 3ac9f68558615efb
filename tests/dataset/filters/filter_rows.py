"""Small conversations for tests of filters."""


def about(question: str, answer: str, image: str = "a.jpg", **more) -> dict:
    """One question about an image, with its answer."""
    return {"image": [image], **said(question, answer), **more}


def said(*texts: str, **more) -> dict:
    """A text-only conversation of the texts in turn."""
    roles = ("user", "assistant")
    messages = [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]
    return {"messages": messages, **more}
