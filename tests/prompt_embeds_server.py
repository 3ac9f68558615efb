"""A server that takes prompt embeddings as a stock vLLM with `--enable-prompt-embeds` does, on a stock LLM.

Two routes: `/v1/completions` with `prompt_embeds`, and `/v1/chat/completions` with parts of that type between texts. A
chat is rendered with one special token for each part, tokenised, and the embeddings are put in its place. Nothing of
macaw is used: the LLM is `AutoModelForCausalLM`, and its `generate` answers.
"""

import base64
import io
import json
import queue
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteria, StoppingCriteriaList
from transformers.generation.streamers import BaseStreamer

PLACEHOLDER = "<prompt_embeds>"


class Refused(Exception):
    """A request that cannot be answered, with what vLLM would say."""


@dataclass
class Behaviour:
    """What a test changes, and what it looks at."""

    key: str = ""
    takes_chats: bool = True
    takes_embeds: bool = True
    fails_with: int = 0
    """Status of every answer, with words that no client may read."""
    breaks_after: int | None = None
    """Pieces after which the connection is cut."""
    silent: threading.Event | None = None
    """What every answer waits for."""
    asked: list = field(default_factory=list)
    """Path and body of every request."""
    stopped: threading.Event = field(default_factory=threading.Event)
    """Set when a client has left within an answer."""


class _Stop(StoppingCriteria):
    def __init__(self):
        self.now = False

    def __call__(self, *_, **__):
        return self.now


class _Texts(BaseStreamer):
    """What each token adds to the text, in a queue; None at the end."""

    def __init__(self, tokenizer):
        self.tokenizer, self.ids, self.said, self.queue = tokenizer, [], "", queue.Queue()

    def put(self, value):
        self.ids += value.flatten().tolist()
        text = self.tokenizer.decode(self.ids, skip_special_tokens=True)
        self.queue.put(text[len(self.said) :])
        self.said = text

    def end(self):
        self.queue.put(None)


class StockLlm:
    """An exported LLM."""

    def __init__(self, folder):
        self.llm = AutoModelForCausalLM.from_pretrained(folder).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.tokenizer.add_special_tokens({"additional_special_tokens": [PLACEHOLDER]})
        self.embed = self.llm.get_input_embeddings()
        self.one_at_a_time = threading.Lock()

    def of_completion(self, body):
        return self._tensor(body.get("prompt_embeds"))

    def of_chat(self, body):
        """Embeddings of a rendered chat; the template has to loop over the parts, as vLLM finds out."""
        messages, tensors = [], []
        for message in body["messages"]:
            content = message["content"]
            parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
            texts = []
            for part in parts:
                if part["type"] == "prompt_embeds":
                    tensors.append(self._tensor(part.get("data")))
                    texts.append({"type": "text", "text": PLACEHOLDER})
                elif PLACEHOLDER in part["text"]:
                    raise Refused("Text content may not contain the reserved placeholder")
                else:
                    texts.append({"type": "text", "text": part["text"]})
            messages.append({"role": message["role"], "content": texts})
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        place = self.tokenizer.convert_tokens_to_ids(PLACEHOLDER)
        rows, waiting = [], iter(tensors)
        for identity in self.tokenizer(text, add_special_tokens=False).input_ids:
            rows.append(next(waiting) if identity == place else self.embed.weight[identity][None])
        if next(waiting, None) is not None:
            raise Refused("prompt_embeds placeholder spans")
        return torch.cat(rows)

    def _tensor(self, data):
        if not data:
            raise Refused("prompt_embeds content part requires a non-empty `data` field")
        tensor = torch.load(io.BytesIO(base64.b64decode(data, validate=True)), weights_only=True)
        if tensor.dim() != 2 or tensor.shape[1] != self.llm.config.hidden_size:
            raise Refused(f"hidden_size {tensor.shape[-1]} does not match")
        return tensor.to(self.llm.dtype)

    def pieces(self, embeds, body, stop):
        """Texts of an answer as they come, and at the end its tokens."""
        streamer = _Texts(self.tokenizer)
        sampling = {"do_sample": False}
        if body.get("temperature") != 0:
            torch.manual_seed(body.get("seed") or 0)
            sampling = {"do_sample": True, "temperature": body.get("temperature") or 1.0}
        with_prompt = {"inputs_embeds": embeds[None], "attention_mask": torch.ones(1, len(embeds), dtype=torch.long)}
        made = []

        def generate():
            with torch.inference_mode():
                made.append(self.llm.generate(
                    **with_prompt, **sampling, max_new_tokens=body["max_tokens"], streamer=streamer,
                    stopping_criteria=StoppingCriteriaList([stop]),
                ))  # fmt: skip

        with self.one_at_a_time:
            thread = threading.Thread(target=generate)
            thread.start()
            for text in iter(lambda: streamer.queue.get(timeout=30), None):
                if text:
                    yield text
            thread.join()
        yield made[0][0].tolist()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self._allowed():
            model = {"id": "stock", "object": "model", "created": 0, "owned_by": "me"}
            self._json(200, {"object": "list", "data": [model]})

    def do_POST(self):
        behaviour, llm = self.server.behaviour, self.server.llm
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        behaviour.asked.append((self.path, body))
        if not self._allowed():
            return
        if not self.path.startswith("/v1/"):
            self._error(404, "Not Found")
            return
        if behaviour.fails_with:
            self._error(behaviour.fails_with, "secret words of the backend")
            return
        chat = self.path == "/v1/chat/completions"
        try:
            if not behaviour.takes_embeds or (chat and not behaviour.takes_chats):
                raise Refused("You must set `--enable-prompt-embeds` to input `prompt_embeds`")
            embeds = llm.of_chat(body) if chat else llm.of_completion(body)
        except Refused as refused:
            self._error(400, str(refused))
            return
        if behaviour.silent is not None and body.get("stream"):
            behaviour.silent.wait(30)
        stop = _Stop()
        pieces = llm.pieces(embeds, body, stop)
        if not body.get("stream"):
            *texts, ids = pieces
            self._json(200, _object(chat, "".join(texts), "length", _usage(embeds, ids)))
            return
        self._stream(chat, body, embeds, pieces, stop)

    def _stream(self, chat, body, embeds, pieces, stop):
        behaviour = self.server.behaviour
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        ids = None
        try:
            for number, piece in enumerate(pieces):
                if isinstance(piece, list):
                    ids = piece
                    break
                if behaviour.breaks_after is not None and number >= behaviour.breaks_after:
                    stop.now = True
                    return
                self._event(_object(chat, piece, None, None))
        except OSError:
            stop.now = True
            behaviour.stopped.set()
            for _ in pieces:
                pass
            return
        ended = ids[-1] in self.server.ends
        self._event(_object(chat, "", "stop" if ended else "length", None))
        if (body.get("stream_options") or {}).get("include_usage"):
            self._event({**_object(chat, "", None, _usage(embeds, ids)), "choices": []})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, content):
        self.wfile.write(f"data: {json.dumps(content)}\n\n".encode())
        self.wfile.flush()

    def _allowed(self):
        key = self.server.behaviour.key
        if key and self.headers.get("Authorization") != f"Bearer {key}":
            self._error(401, "Unauthorized")
            return False
        return True

    def _error(self, status, message):
        self._json(status, {"error": {"message": message, "type": "BadRequestError", "param": None, "code": status}})

    def _json(self, status, content):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _usage(embeds, ids):
    return {"prompt_tokens": len(embeds), "completion_tokens": len(ids), "total_tokens": len(embeds) + len(ids)}


def _object(chat, text, reason, usage):
    kind = "chat.completion.chunk" if chat else "text_completion"
    said = {"role": "assistant", "content": text}
    own = {"delta": said, "message": said} if chat else {"text": text}
    choice = {"index": 0, **own, "finish_reason": reason, "logprobs": None}
    return {"id": "1", "object": kind, "created": 0, "model": "stock", "choices": [choice], "usage": usage}


@contextmanager
def prompt_embeds_server(folder, **behaviour):
    """Serve the LLM in `folder` at a free port; gives the base URL and the `Behaviour`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.behaviour, server.llm = Behaviour(**behaviour), StockLlm(folder)
    ends = server.llm.llm.generation_config.eos_token_id
    server.ends = {ends} if isinstance(ends, int) else set(ends or ())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", server.behaviour
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
