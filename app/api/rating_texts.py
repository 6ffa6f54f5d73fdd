"""The words of the page on which a visit is rated, in five languages. Texts only; the page is `rating_page.py`'s."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from app.ratings.errors import RatingRefusal

_DEFAULT: Final = "en"


@dataclass(frozen=True, slots=True)
class Texts:
    """What the page says in one language."""

    title: str
    score: str
    scores: tuple[str, str, str, str, str]
    nps: str
    comment: str
    button: str
    thanks: str
    invalid: str
    refused: Mapping[RatingRefusal, str]


def language(accepted: str, chosen: str | None) -> str:
    """The visitor's own language, as chosen on joining, or the first asked for that there is."""
    for part in [chosen or "", *accepted[:500].split(",")]:
        lang = part.partition(";")[0].strip().lower().partition("-")[0]
        if lang in _TEXTS:
            return lang
    return _DEFAULT


def texts_in(lang: str) -> Texts:
    """What the page says in a language there is."""
    return _TEXTS[lang]


def _refused(not_asked: str, not_served: str, too_late: str) -> Mapping[RatingRefusal, str]:
    return MappingProxyType(
        {
            RatingRefusal.NOT_ASKED: not_asked,
            RatingRefusal.NOT_SERVED: not_served,
            RatingRefusal.TOO_LATE: too_late,
        }
    )


_TEXTS: Final[Mapping[str, Texts]] = MappingProxyType(
    {
        "en": Texts(
            "{tenant}: how was your visit?",
            "How was it?",
            ("very bad", "bad", "fair", "good", "very good"),
            "How likely are you to recommend us to a friend? (0: not at all, 10: very)",
            "Would you like to tell us more?",
            "Send",
            "Thank you. You can still change what you said.",
            "That could not be saved. Please choose from 1 to 5 and send it again.",
            _refused(
                "Ratings are not asked for here.",
                "You can rate your visit when your service is over.",
                "The time to rate this visit is over. Thank you.",
            ),
        ),
        "de": Texts(
            "{tenant}: Wie war Ihr Besuch?",
            "Wie war es?",
            ("sehr schlecht", "schlecht", "mittelmäßig", "gut", "sehr gut"),
            "Wie wahrscheinlich empfehlen Sie uns weiter? (0: gar nicht, 10: sehr)",
            "Möchten Sie uns mehr sagen?",
            "Absenden",
            "Vielen Dank. Sie können Ihre Angaben noch ändern.",
            "Das konnte nicht gespeichert werden. Bitte wählen Sie 1 bis 5 und senden Sie es noch einmal.",
            _refused(
                "Hier wird nicht nach Bewertungen gefragt.",
                "Sie können Ihren Besuch bewerten, wenn Sie bedient worden sind.",
                "Die Zeit, diesen Besuch zu bewerten, ist vorbei. Vielen Dank.",
            ),
        ),
        "fr": Texts(
            "{tenant} : comment s’est passée votre visite ?",
            "Comment était-ce ?",
            ("très mauvais", "mauvais", "moyen", "bien", "très bien"),
            "Nous recommanderiez-vous à un ami ? (0 : pas du tout, 10 : tout à fait)",
            "Voulez-vous nous en dire plus ?",
            "Envoyer",
            "Merci. Vous pouvez encore modifier votre réponse.",
            "Votre réponse n’a pas pu être enregistrée. Choisissez de 1 à 5 et envoyez-la de nouveau.",
            _refused(
                "Aucun avis n’est demandé ici.",
                "Vous pourrez donner votre avis quand vous aurez été servi.",
                "Il n’est plus temps de donner un avis sur cette visite. Merci.",
            ),
        ),
        "es": Texts(
            "{tenant}: ¿qué tal su visita?",
            "¿Qué tal fue?",
            ("muy mal", "mal", "regular", "bien", "muy bien"),
            "¿Nos recomendaría a un amigo? (0: nada probable, 10: muy probable)",
            "¿Quiere contarnos más?",
            "Enviar",
            "Gracias. Todavía puede cambiar su respuesta.",
            "No se pudo guardar. Elija de 1 a 5 y envíelo de nuevo.",
            _refused(
                "Aquí no se piden valoraciones.",
                "Podrá valorar su visita cuando le hayan atendido.",
                "El plazo para valorar esta visita ha terminado. Gracias.",
            ),
        ),
        "ar": Texts(
            "{tenant}: كيف كانت زيارتك؟",
            "كيف كانت؟",
            ("سيئة جدًا", "سيئة", "مقبولة", "جيدة", "جيدة جدًا"),
            "ما احتمال أن توصي بنا صديقًا؟ (0: مستبعد تمامًا، 10: مؤكد)",
            "هل تود أن تخبرنا بالمزيد؟",
            "إرسال",
            "شكرًا لك. لا يزال بإمكانك تغيير ما قلته.",
            "تعذر الحفظ. يرجى الاختيار من 1 إلى 5 ثم الإرسال من جديد.",
            _refused(
                "لا تُطلب التقييمات هنا.",
                "يمكنك تقييم زيارتك بعد انتهاء خدمتك.",
                "انتهى وقت تقييم هذه الزيارة. شكرًا لك.",
            ),
        ),
    }
)
