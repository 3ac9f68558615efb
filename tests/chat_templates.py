"""Small chat templates of our own, which treat conversations as those of the named families do."""

HEADING = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}" + HEADING
)
DEFAULT_SYSTEM = (
    "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\nHelp.<|im_end|>\n' }}{% endif %}" + CHATML
)
NO_HEADING = CHATML.removesuffix(HEADING)
THINKING = (
    "{% set ns = namespace(asked=-1) %}"
    "{% for m in messages %}{% if m.role == 'user' %}{% set ns.asked = loop.index0 %}{% endif %}{% endfor %}"
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' %}"
    "{% if loop.index0 > ns.asked %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{{ m.content.split('</think>')[-1].lstrip('\n') }}{% else %}{{ m.content }}{% endif %}{{ '<|im_end|>\n' }}"
    "{% endfor %}" + HEADING
)
THOUGHT_BEFORE = (  # the prompt opens a block of reasoning, which no answer in the history has
    "{% for m in messages %}{% if m.role == 'assistant' %}"
    "{{ '<|assistant|>' + m.content.split('</think>')[-1] + eos_token }}"
    "{% else %}{{ ('<|user|>' if m.role == 'user' else '') + m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|><think>\n' }}{% endif %}"
)
THINKS_ALWAYS = (  # the prompt closes an empty block, which the history leaves out
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
    "{% if m.role == 'assistant' and loop.last %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{{ m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n\n</think>\n\n' }}{% endif %}"
)
ALTERNATING = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'system' %}{{ raise_exception('No system role') }}{% endif %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}"
    "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' + m.content | trim }}"
    "{{ '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
INSTRUCTED = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}"
    "{% elif m.role == 'assistant' %}{{ ' ' + m.content + eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles') }}{% endif %}{% endfor %}"
)
SYSTEM_INSIDE = (  # the system prompt stands inside the first question
    "{% if messages[0].role == 'system' %}{% set talk = messages[1:] %}"
    "{% set system = '<<SYS>>\n' + messages[0].content + '\n<</SYS>>\n\n' %}"
    "{% else %}{% set talk = messages %}{% set system = '' %}{% endif %}"
    "{% for m in talk %}{% if m.role == 'user' %}"
    "{{ bos_token + '[INST] ' + (system if loop.first else '') + m.content.strip() + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
SYSTEM_WITH_LAST = (  # the system prompt moves to the newest question
    "{% if messages[0].role == 'system' %}{% set talk = messages[1:] %}{% set system = messages[0].content + '\n\n' %}"
    "{% else %}{% set talk = messages %}{% set system = '' %}{% endif %}"
    "{% set asked = talk | selectattr('role', 'equalto', 'user') | list %}"
    "{{ bos_token }}{% for m in talk %}{% if m.role == 'user' %}"
    "{{ '[INST] ' + (system if m == asked[-1] else '') + m.content + '[/INST]' }}"
    "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}"
)
ENDS_WITH_TEXT = (
    "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
TRIMMING = (
    "{% for m in messages %}{{ ('<s>' if loop.first else '') + '<|' + m.role + '|>\n\n' }}"
    "{{ m.content | trim + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n\n' }}{% endif %}"
)
PLAIN_WORDS = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ 'USER: ' + m.content + ' ' }}"
    "{% elif m.role == 'assistant' %}{{ 'ASSISTANT: ' + m.content + '</s>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
NO_ENDS = (
    "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
LISTED = (
    "{% for m in messages %}{{ '<|' + m.role + '|>' }}"
    "{% for part in m.content %}{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %}{{ '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
ANSWER_MARKED = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role }}{% if m.role == 'assistant' %}{{ '<|start|>' }}{% endif %}"
    "{{ m.content }}{% if m.role == 'assistant' %}{{ '<|end|>' }}{% endif %}{{ '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant' }}{% endif %}"
)
DATED = "{{ '<s>Cutoff: ' + (date_string or '26 Jul 2024') + '\n' }}" + CHATML

TEMPLATES = {
    "chatml": CHATML, "default-system": DEFAULT_SYSTEM, "no-heading": NO_HEADING, "thinking": THINKING,
    "thought-before": THOUGHT_BEFORE, "thinks-always": THINKS_ALWAYS, "alternating": ALTERNATING,
    "instructed": INSTRUCTED, "system-inside": SYSTEM_INSIDE, "system-with-last": SYSTEM_WITH_LAST,
    "ends-with-text": ENDS_WITH_TEXT, "trimming": TRIMMING, "plain-words": PLAIN_WORDS, "no-ends": NO_ENDS,
    "listed": LISTED, "answer-marked": ANSWER_MARKED, "dated": DATED,
}  # fmt: skip
CONTROLS = (
    "<|im_start|>", "<|im_end|>", "<|user|>", "<|assistant|>", "<|system|>", "<|start|>", "<|end|>", "<start_of_turn>",
    "<end_of_turn>",
)  # fmt: skip
ADDED = ("<think>", "</think>")
"""Added tokens that are not special."""
