"""Which language and form texts are in, as far as it matters here: what a bridge was not made for is told of.

Scripts tell most languages apart, and a few function words the others: not one text, but many of a file are judged, so
that lists this short suffice. Nothing is said of a language that is not listed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

ENGLISH = "en"
_WORDS = {
    "en": "the a and of to is in that for it you with was on are this have not be my i your at they we from but can me "
    "what how as has were which an or if do so will been when there would who no just get his her he she",
    "fr": "le la les des est une un dans pour que qui pas je vous nous avec sur ce du au mon ma il elle et ne c'est",
    "de": "der die das und ist nicht ich ein eine mit für auf den zu von es sie wir im dem auch sich mein habe wie",
    "es": "el la los las de que y es en un una por con no para mi se lo su pero me muy está del al como",
    "it": "il la lo che di e è un una per non con sono mi si ho da al del della le gli nel ma come più questo anche",
    "pt": "o a os as que de e é em um uma para com não por meu minha se na no do da mas foi está você ao",
    "nl": "de het een en is van dat niet ik je met voor op zijn te er aan maar mijn wat ook die heb naar",
    "sv": "och att det är en som på jag inte med för av till den har ett om mig men var min mitt vi kan mycket allt",
    "da": "og at det er en som på jeg ikke med for af til den har et om mig men var min vi kan der",
    "pl": "i w nie na jest się to z do że jak mam ale za od przez dla jestem mój moja tak po czy był już bardzo",
    "cs": "a se na je že v to s z do jsem ale za pro jak už mi by ten tak byl není si po které",
    "hu": "a az és nem hogy egy is van meg ez de mint csak már volt ha el én vagy mert azt még",
    "ro": "și de la nu în că o un cu este pe mai din care pentru sunt am să fi dar ca mi",
    "tr": "ve bir bu çok için de da ile ben ne var yok değil daha gibi ama olarak sonra kadar her şey mi nerede benim",
    "id": "yang dan di ini itu dengan untuk tidak dari saya ada akan pada ke bisa sudah kami juga anda banyak sangat",
    "vi": "là và của không có tôi được này cho một những với các để trong đã rất khi thì bạn hàng người ở rồi",
    "fi": "ja on ei se että oli en mutta kun hän niin minun olen kuin ovat tai myös joka sen kaikki paljon hyvin minä",
}
_FUNCTION_WORDS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_QUOTED = _FUNCTION_WORDS.keys() - {ENGLISH}  # whose words English texts have in names and sayings

# Unicode's names of scripts, as BCP 47 spells them: what cannot be told apart by its script alone is named by that.
_SCRIPTS = {
    "CJK": "zh", "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "ARABIC": "und-Arab", "CYRILLIC": "und-Cyrl",
    "GREEK": "el", "HEBREW": "he", "DEVANAGARI": "und-Deva", "BENGALI": "bn", "TAMIL": "ta", "TELUGU": "te",
    "THAI": "th", "GEORGIAN": "ka", "ARMENIAN": "hy", "ETHIOPIC": "und-Ethi",
}  # fmt: skip
_NAMES = {
    "en": "English", "fr": "French", "de": "German", "es": "Spanish", "it": "Italian", "pt": "Portuguese",
    "nl": "Dutch",
    "sv": "Swedish", "da": "Danish or Norwegian", "pl": "Polish", "cs": "Czech or Slovak", "hu": "Hungarian",
    "ro": "Romanian", "tr": "Turkish", "id": "Indonesian or Malay", "vi": "Vietnamese", "fi": "Finnish",
    "zh": "Chinese", "ja": "Japanese", "ko": "Korean", "el": "Greek", "he": "Hebrew", "bn": "Bengali", "ta": "Tamil",
    "te": "Telugu", "th": "Thai", "ka": "Georgian", "hy": "Armenian", "und-Arab": "a language in Arabic script",
    "und-Cyrl": "a language in Cyrillic script", "und-Deva": "a language in Devanagari script",
    "und-Ethi": "a language in Ethiopic script", "und": "a language in another script", "html": "HTML or XML",
    "code": "code or data",
}  # fmt: skip
FORMS = ("html", "code")

# So many texts, and characters of each, are looked at: that takes a tenth of a second.
_MOST_TEXTS, _MOST_CHARACTERS = 400, 1000
# A language is told of from this share of the texts on: what is rarer may be quoted, or a wrong guess.
_SHARE = 0.2
# Words of a text that is judged by itself; shorter texts are judged together.
_LEAST_WORDS = 6
# Different function words of a language, and their share of all words; in English that is 0.3 to 0.5.
_LEAST_HITS, _HIT_SHARE = 2, 0.12
_LEAST_WORDS_IN_ALL = 4  # different ones in all texts: "La Jolla" and "chef de partie" are English job titles
# Share of a text's letters in another script: names and quotations are fewer.
_OTHER_LETTERS = 0.3
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_TAG = re.compile(
    r"</?(?:html|head|body|div|span|p|br|hr|a|b|i|u|em|strong|li|ul|ol|table|tr|td|th|h[1-6]|img|font|script|style|"
    r"input|form|button|section|article|item|title|xml)\b[^<>]{0,300}>",
    re.IGNORECASE,
)
# So many tags, and so large a share of the characters in them, make a text markup.
_LEAST_TAGS, _TAGGED = 3, 0.1
_CODE_LINE = re.compile(
    r"[;{}]\s*$|^\s*(?:def |class \w+[:({]|import \w|from [\w.]+ import |#include|return\b.*;|function \w*\(|var |"
    r"const |let \w+ =|public |private |SELECT .* FROM |\"[\w-]+\"\s*:)|=>|\w\(\w*\)[;:{.]|[\])}][,;]\s*$",
    re.MULTILINE,
)
_MARKS = frozenset('{}[]();=<>"_\\|&*')
# Shares of a text's characters and lines from which on it counts as code.
_MARKED, _CODE_LINES = 0.06, 0.4


def language_of(text: str) -> str | None:
    """Return the language that a text seems to be in as a BCP 47 tag, or None where there is no telling.

    Where the script alone is known, the tag is that of an undetermined language in it.

    Examples
    --------
    >>> language_of("The parcel was late again, and nobody answers."), language_of("这个包裹又迟到了。")
    ('en', 'zh')
    >>> language_of("Le colis est encore en retard et je ne suis pas contente."), language_of("SKU 4711 XL")
    ('fr', None)
    """
    if script := _script_of(text):
        return script
    words = Counter(_words(text))
    hits = {language: sum(words[word] for word in known) for language, known in _FUNCTION_WORDS.items()}
    english = hits.pop(ENGLISH)
    best = max(hits, key=hits.__getitem__)
    is_varied = len(_FUNCTION_WORDS[best] & words.keys()) >= _LEAST_HITS
    if is_varied and hits[best] > 2 * english and hits[best] >= _HIT_SHARE * words.total():
        return best
    return ENGLISH if english and english >= hits[best] else None


def kind_of(text: str) -> str | None:
    """Return "html" or "code" for what is no running text, else None.

    Examples
    --------
    >>> kind_of("<div><p>Late <b>again</b></p></div>"), kind_of("for (i = 0; i < n; i++) {\\n  sum += x[i];\\n}")
    ('html', 'code')
    >>> kind_of("Write to <ann@example.org> (she knows). Is 3 < 5?")
    """
    tags = _TAG.findall(text)
    if len(tags) >= _LEAST_TAGS and len(text) - len(_TAG.sub("", text)) > _TAGGED * len(text):
        return "html"
    lines = [line for line in text.splitlines() if line.strip()]
    n_code = sum(_CODE_LINE.search(line) is not None for line in lines)
    n_marks = sum(character in _MARKS for character in text)
    if lines and n_code >= _CODE_LINES * len(lines) and n_marks > _MARKED * len(text):
        return "code"
    return None


def find_languages(texts: Sequence[str]) -> dict[str, float]:
    """Return the share of texts that seem to be in each language or form, the commonest first.

    Some of the texts are looked at, evenly spaced. Texts of a few words are judged together with those after them, and
    those of which nothing can be told count as what all texts together seem to be, unless that is English.

    Examples
    --------
    >>> find_languages(["Où est mon colis ? Il est en retard et je suis là.", "Where is my parcel? It is so late."])
    {'fr': 0.5, 'en': 0.5}
    """
    step = max(1, len(texts) // _MOST_TEXTS)
    looked_at = [text[:_MOST_CHARACTERS] for text in texts[::step] if text.strip()]
    found: Counter[str] = Counter()
    for bundle in _bundles(looked_at):
        joined = "\n".join(bundle)
        found[kind_of(joined) or language_of(joined) or ""] += len(bundle)
    together = "\n".join(looked_at)
    whole = language_of(together)
    if whole not in (None, ENGLISH):
        found[whole] += found.pop("", 0)
    words = set(_words(together))
    return {
        name: count / len(looked_at)
        for name, count in found.most_common()
        if name and (name not in _QUOTED or len(words & _FUNCTION_WORDS[name]) >= _LEAST_WORDS_IN_ALL)
    }


def foreign_note(texts: Sequence[str], languages: Collection[str]) -> list[str]:
    """Return a note on texts in languages or forms that a bridge was not made for, if a good part of them are.

    Parameters
    ----------
    texts : sequence of str
    languages : collection of str
        What the bridge was trained on, as :func:`language_of` tells it; empty: anything.

    Examples
    --------
    >>> foreign_note(["It is late."], ["en"]), foreign_note(["Il est en retard."], [])
    ([], [])
    >>> print(foreign_note(["Il est en retard et je ne suis pas contente."] * 3, ["en"])[0])
    100 % of the texts look like French, and the model was made for English: what it writes of them will be poor
    English. Use a model for their language (docs/how_to/languages.md has a recipe), or translate them first
    """
    if not languages:
        return []
    shares = {name: share for name, share in find_languages(texts).items() if name not in languages}
    total = sum(shares.values())
    if total < _SHARE:
        return []
    foreign = [name for name in shares if name not in FORMS]
    made_for = _spell(languages)
    advice = []
    if foreign:
        advice.append(
            f"what it writes of them will be poor {made_for}. Use a model for their language "
            "(docs/how_to/languages.md has a recipe), or translate them first"
        )
    if len(foreign) < len(shares):
        advice.append("it writes running text: strip tags, and leave code and data out, before you mix them")
    return [
        f"{100 * total:.0f} % of the texts look like {_spell(shares)}, and the model was made for "
        f"{made_for}: {'; '.join(advice)}"
    ]


def _spell(names: Iterable[str]) -> str:
    return " and ".join(_NAMES.get(name, name) for name in [*names][:3])


def _script_of(text: str) -> str | None:
    """Return the tag of the script that a good part of the letters are in, or None for Latin."""
    letters = [character for character in text if character.isalpha()]
    others = [name for name in map(_script_name, filter(lambda c: ord(c) > 0x24F, letters)) if name != "LATIN"]
    if not others or len(others) < _OTHER_LETTERS * len(letters):
        return None
    counts = Counter(_SCRIPTS.get(name, "und") for name in others)
    # Japanese has Chinese characters as well.
    return "ja" if "ja" in counts else counts.most_common(1)[0][0]


def _words(text: str) -> list[str]:
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


def _script_name(character: str) -> str:
    return unicodedata.name(character, "UNKNOWN").split()[0].split("-")[0]


def _bundles(texts: Iterable[str]) -> list[list[str]]:
    """Return the texts one by one, but those of few words together with those after them."""
    bundles: list[list[str]] = []
    n_words = _LEAST_WORDS
    for text in texts:
        if n_words >= _LEAST_WORDS:
            bundles.append([])
            n_words = 0
        bundles[-1].append(text)
        n_words += len(_WORD.findall(text))
    return bundles
