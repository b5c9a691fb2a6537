"""The templates of prompts: xRAG's own, and lists of texts of which the next is written."""

from __future__ import annotations

from smotext.errors import BridgeError

# The token in whose place the vector is put; its own embedding is never read.
PLACEHOLDER = "<xRAG>"
XRAG_TEMPLATE = "{bos}[INST] {content} [/INST]"
XRAG_TEXT = "{text}{eos}"
# A list of texts of one kind, of which the next is to be written: what a language model that knows no chat continues
# best. Each item is "- " and the text on a line of its own; the vector's place is before the last dash.
LIST_TEMPLATE = "{bos}{content}"
LIST_PROMPTS = (f"{PLACEHOLDER}-",)
LIST_EXAMPLES = f"{{bos}}Different people wrote these:\n\n{{examples}}{PLACEHOLDER}-"
LIST_TEXT = " {text}\n"
# The first is xRAG's own; the others are ours, in the spirit of its thirteen paraphrase instructions.
XRAG_PROMPTS = (
    f"Background: {PLACEHOLDER} means the same as",
    f"Say the following in other words: {PLACEHOLDER}",
    f"Here is a passage: {PLACEHOLDER}. Another way to put it is:",
    f"{PLACEHOLDER} could also be written like this:",
    f"Restate this text without changing its meaning: {PLACEHOLDER}",
    f"Read {PLACEHOLDER} and write down what it says:",
    f"A paraphrase of {PLACEHOLDER} would be:",
    f"Express what is said in {PLACEHOLDER} as a new text:",
)


def split_text_template(template: str) -> tuple[str, str]:
    """Return what stands before and after the text; the latter is ``"{eos}"`` or literal.

    Raises
    ------
    BridgeError
        If ``{text}`` is not in it once, or nothing ends the text.

    Examples
    --------
    >>> split_text_template(" {text}\\n")
    (' ', '\\n')
    """
    lead, mark, end = template.partition("{text}")
    if not mark or "{text}" in end or not end:
        raise BridgeError(
            f"text_template is {template!r}: expected {{text}} once and then {{eos}}, or what ends a text"
        )
    return lead, end
