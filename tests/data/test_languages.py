"""What a bridge was not made for is told of before anything is written, and English is never taken for it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from smotext import EchoDecoder, SMOTExT
from smotext.data.languages import find_languages, foreign_note, kind_of, language_of
from smotext.decoders.bridge import BridgeSpec
from smotext.errors import BridgeError, SmotextWarning
from smotext.filters.fluency import Spelling, WordOrder
from smotext.filters.ngrams import WordRuns, repeated_share
from smotext.filters.quality import n_words
from smotext.utils.sentences import cut_at_sentence, ends_sentence, join_sentences

FOREIGN = {
    "fr": [
        "Où est mon colis ? Je l'attends depuis deux semaines.",
        "Le service ne répond pas.",
        "Merci, c'est parfait",
    ],
    "de": [
        "Wo bleibt mein Paket? Ich warte seit zwei Wochen.",
        "Der Kundendienst ist nicht da.",
        "Vielen Dank, bestens",
    ],
    "es": ["¿Dónde está mi paquete? Lo espero desde hace dos semanas.", "El servicio no contesta a la primera."],
    "it": ["Dov'è il mio pacco? Lo aspetto da due settimane.", "Il servizio non risponde al telefono.", "Va bene così"],
    "pt": ["Onde está a minha encomenda? Estou à espera há duas semanas.", "O serviço não atende o telefone."],
    "nl": ["Waar blijft mijn pakket? Ik wacht al twee weken.", "De klantenservice neemt de telefoon niet op."],
    "tr": ["Paketim nerede? İki haftadır bekliyorum.", "Müşteri hizmetleri cevap vermiyor ve bu çok kötü bir şey."],
    "zh": ["我的包裹在哪里？我已经等了两个星期。", "客服电话没人接。"],
    "ja": ["荷物はどこですか？二週間待っています。", "電話に出ません。"],
    "ko": ["제 소포는 어디에 있나요? 2주째 기다리고 있어요."],
    "und-Arab": ["أين طردي؟ أنتظره منذ أسبوعين.", "خدمة العملاء لا ترد على الهاتف."],
    "und-Cyrl": ["Где моя посылка? Жду уже две недели.", "Поддержка не отвечает на звонки."],
    "html": ["<p>Late <b>again</b></p>", '<div class="x"><span>Refund please</span><br/></div>'],
    "code": ["def add(a, b):\n    return a + b\n", "for (int i = 0; i < n; i++) { sum += x[i]; }", '{"size": [3, 4]}'],
}
ENGLISH = {
    "tweets": [
        "@airline ur flight is SO late smh 😡😡 #fail",
        "omg thx 4 the upgrade!! ❤️❤️",
        "RT @bob lol no way http://t.co/x1",
    ],
    "questions": ["Who wrote Don Quixote?", "What is la niña?", "When was the Treaty of Versailles signed?"],
    "spam": ["URGENT! U have won a £1000 prize. Txt WIN to 80086 2 claim", "FREE entry!!! Call 0800 now"],
    "products": ["blue shirt size M", "iPhone 12 case, leather", "4711 XL", "HP LaserJet toner black"],
    "titles": ["Senior Data Engineer", "Marketing Manager La Jolla", "Die cutter operator", "Chef de partie"],
    "posts": ["From <ann@example.org>:\n> is 3 < 5?\nYes. See foo(bar) in main.c; I fixed it.\n--\nBob {smile}"],
    "names": ["Müller said the façade of the café in São Paulo was naïve.", "Beyoncé and Björk are on stage."],
    "mixed": [
        "He said “c'est la vie” and left for the airport, where nobody was waiting.",
        "Das Boot is a good film, too.",
    ],
}


@pytest.mark.parametrize("language", FOREIGN)
def test_other_languages_and_forms_are_told_by_name(language: str) -> None:
    shares = find_languages(FOREIGN[language])
    assert next(iter(shares)) == language
    assert len(foreign_note(FOREIGN[language] * 3, ["en"])) == 1
    assert foreign_note(FOREIGN[language], [language]) == []


@pytest.mark.parametrize("kind", ENGLISH)
def test_english_of_any_kind_is_no_cause_for_alarm(kind: str) -> None:
    assert foreign_note(ENGLISH[kind], ["en"]) == []
    assert foreign_note(ENGLISH[kind] * 5, ["en"]) == []


def test_a_few_foreign_texts_among_english_ones_are_let_pass_and_a_good_part_is_not() -> None:
    english = [f"The parcel number {number} was late again, and nobody answers the phone." for number in range(16)]
    assert foreign_note([*english, *FOREIGN["zh"]], ["en"]) == []
    (note,) = foreign_note([*english[:4], *FOREIGN["zh"] * 2], ["en"])
    assert note.startswith("50 % of the texts look like Chinese, and the model was made for English: ")
    assert "docs/how_to/languages.md" in note


def test_for_html_and_code_the_advice_is_another_one() -> None:
    (note,) = foreign_note(FOREIGN["html"], ["en"])
    assert note.endswith("it writes running text: strip tags, and leave code and data out, before you mix them")
    assert "translate" not in note


def test_a_line_break_tag_or_an_address_does_not_make_html() -> None:
    assert kind_of("A fine film.<br /><br />I saw it twice, and my friends who came along did like it as well.") is None
    assert kind_of("Write to <ann@example.org>, <bob@example.org> or <eve@example.org>.") is None


@pytest.mark.parametrize("text", ["", "12345", "!!!", "SKU 4711"])
def test_of_a_text_without_words_nothing_is_told(text: str) -> None:
    assert language_of(text) is None


class Bridge(EchoDecoder):
    """Echo with what a bridge says of itself."""

    def __init__(self, *languages: str) -> None:
        super().__init__()
        self.spec = BridgeSpec(languages=languages)


def warned(texts: list[str], decoder: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        SMOTExT("echo", decoder=decoder, random_state=0).generate(texts, ["a"] * len(texts), n=1)
    return [str(warning.message) for warning in caught if "look like" in str(warning.message)]


def test_the_sampler_warns_once_and_before_it_decodes() -> None:
    class Never(Bridge):
        def decode_rows(self, vectors: np.ndarray, **options: Any) -> Any:
            raise AssertionError("decoded")

    texts = FOREIGN["fr"] * 3
    assert len(warned(texts, Bridge("en"))) == 1
    with (
        pytest.warns(SmotextWarning, match="100 % of the texts look like French"),
        pytest.raises(AssertionError, match="decoded"),
    ):
        SMOTExT("echo", decoder=Never("en")).generate(texts, ["a"] * len(texts), n=1)


def test_a_bridge_for_the_language_or_one_that_does_not_say_is_taken_as_it_is() -> None:
    assert warned(FOREIGN["fr"] * 3, Bridge("fr", "en")) == []
    assert warned(FOREIGN["fr"] * 3, Bridge()) == []
    assert warned(FOREIGN["fr"] * 3, None) == []  # echo


def test_bridges_that_do_not_say_were_made_for_english() -> None:
    assert BridgeSpec.from_dict({}).languages == ("en",)
    assert BridgeSpec.from_dict({"languages": ["fr", "zh"]}).languages == ("fr", "zh")
    with pytest.raises(BridgeError, match="languages is 'fr': expected a list of strings"):
        BridgeSpec.from_dict({"languages": "fr"})


@pytest.mark.parametrize(
    "text", ["他来了。", "「終わり。」", "هل من مجيب؟", "वह आया।", "Er kam.", "Fini !", "Vraiment ?!", "「終わり」！"]
)
def test_sentences_end_in_every_script(text: str) -> None:
    assert ends_sentence(text)
    assert cut_at_sentence(f"{text} ...and then" if text[-1] not in "。」！" else f"{text}然后他") == text


def test_sentences_are_joined_as_their_script_does() -> None:
    assert join_sentences(["", "他来了。", "他看见了。", "Fine.", "Yes."]) == "他来了。他看见了。Fine. Yes."


def test_copies_in_chinese_are_found_by_their_characters() -> None:
    real = WordRuns.of(["我的包裹又迟到了，客服电话没人接，我很不满意。"])
    assert real.longest_copies(["他说客服电话没人接，所以走了", "完全没有关系"]).tolist() == [7, 1]
    assert n_words(["我的包裹又迟到了", "iPhone 很贵"]).tolist() == [8.0, 3.0]


def test_repetition_and_fluency_are_judged_in_scripts_without_spaces() -> None:
    assert repeated_share("他来了他来了他来了他来了") > 0.5 > repeated_share("我的包裹又迟到了客服没人接")
    texts = ["我的包裹又迟到了，客服电话没人接。", "我的火车票丢了，客服电话没人接。", "我的包裹丢了，我很不满意。"] * 3
    good, salad = "我的火车票又迟到了，我很不满意。", "了意很车我又不的满票迟，到我火。"
    assert WordOrder.of(texts).score(good) > WordOrder.of(texts).score(salad)
    assert Spelling.of(texts).score(good) > Spelling.of(texts).score(salad)
