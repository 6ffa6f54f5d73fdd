"""What is answered to replies, in the languages of the product. Which of these is decided in `service.py`."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Answer(StrEnum):
    """What there is to say. `{ticket}`, `{queue}`, `{tenant}`, `{places}` and `{example}` are filled in."""

    LEFT = "LEFT"
    MOVED_BACK = "MOVED_BACK"
    NOBODY_BEHIND = "NOBODY_BEHIND"
    YOUR_TURN = "YOUR_TURN"
    JOINED = "JOINED"
    HAS_PLACE = "HAS_PLACE"
    NOTHING_TO_JOIN = "NOTHING_TO_JOIN"
    NO_PLACE = "NO_PLACE"
    WHICH = "WHICH"
    CLOSED = "CLOSED"
    FULL = "FULL"
    NOT_POSSIBLE = "NOT_POSSIBLE"
    OPTED_OUT = "OPTED_OUT"
    OPTED_IN = "OPTED_IN"
    HELP = "HELP"


DEFAULT: Final = "en"
TEXTS: Final[Mapping[str, Mapping[Answer, str]]] = {
    "en": {
        Answer.LEFT: "{ticket}: you have left the line at {queue}. Reply J to join again.",
        Answer.MOVED_BACK: "{ticket}: the next people go first, you keep a place behind them.",
        Answer.NOBODY_BEHIND: "{ticket}: nobody is behind you, so nothing has changed.",
        Answer.YOUR_TURN: "{ticket}: it is your turn now. Please come, or reply L if you cannot.",
        Answer.JOINED: "You are in line at {queue} again. Your number: {ticket}",
        Answer.HAS_PLACE: "You have a place at {queue} already: {ticket}",
        Answer.NOTHING_TO_JOIN: "There is no line you could join again.",
        Answer.NO_PLACE: "You have no place in a line at present.",
        Answer.WHICH: "You have these places: {places}. Please add the number, e.g. {example}",
        Answer.CLOSED: "{queue} is not open at present.",
        Answer.FULL: "{queue} is full at present. Please try again later.",
        Answer.NOT_POSSIBLE: "{queue}: that is not possible at the moment. Please ask our staff.",
        Answer.OPTED_OUT: "{tenant} will send you no more messages. Your place in line stays. Reply START to undo.",
        Answer.OPTED_IN: "{tenant} may send you messages again. Reply STOP to end them.",
        Answer.HELP: "{tenant}: reply M for more time, L to leave the line, J to join again, STOP for no messages.",
    },
    "de": {
        Answer.LEFT: "{ticket}: Sie haben die Warteschlange {queue} verlassen. Mit J stellen Sie sich wieder an.",
        Answer.MOVED_BACK: "{ticket}: Die nächsten sind vor Ihnen dran, Sie behalten einen Platz dahinter.",
        Answer.NOBODY_BEHIND: "{ticket}: Hinter Ihnen wartet niemand, es bleibt alles, wie es war.",
        Answer.YOUR_TURN: "{ticket}: Sie sind jetzt dran. Bitte kommen Sie, oder antworten Sie mit L.",
        Answer.JOINED: "Sie warten wieder bei {queue}. Ihre Nummer: {ticket}",
        Answer.HAS_PLACE: "Sie haben schon einen Platz bei {queue}: {ticket}",
        Answer.NOTHING_TO_JOIN: "Es gibt keine Warteschlange, in die Sie zurückkehren könnten.",
        Answer.NO_PLACE: "Sie haben zurzeit keinen Platz in einer Warteschlange.",
        Answer.WHICH: "Sie haben diese Plätze: {places}. Bitte nennen Sie die Nummer, z. B. {example}",
        Answer.CLOSED: "{queue} ist zurzeit nicht geöffnet.",
        Answer.FULL: "{queue} ist zurzeit voll. Bitte versuchen Sie es später wieder.",
        Answer.NOT_POSSIBLE: "{queue}: Das geht gerade nicht. Bitte fragen Sie unser Personal.",
        Answer.OPTED_OUT: "{tenant} schickt Ihnen nichts mehr. Ihr Platz bleibt. Mit START machen Sie das rückgängig.",
        Answer.OPTED_IN: "{tenant} darf Ihnen wieder schreiben. Mit STOPP beenden Sie das.",
        Answer.HELP: "{tenant}: M für mehr Zeit, L zum Verlassen, J zum Wiederkommen, STOPP für keine Nachrichten.",
    },
    "fr": {
        Answer.LEFT: "{ticket} : vous avez quitté la file {queue}. Répondez J pour y revenir.",
        Answer.MOVED_BACK: "{ticket} : les suivants passent d'abord, vous gardez une place derrière eux.",
        Answer.NOBODY_BEHIND: "{ticket} : personne n'attend derrière vous, rien n'a changé.",
        Answer.YOUR_TURN: "{ticket} : c'est votre tour. Venez, ou répondez L si vous ne pouvez pas.",
        Answer.JOINED: "Vous êtes de nouveau dans la file {queue}. Votre numéro : {ticket}",
        Answer.HAS_PLACE: "Vous avez déjà une place dans la file {queue} : {ticket}",
        Answer.NOTHING_TO_JOIN: "Il n'y a pas de file où vous pourriez revenir.",
        Answer.NO_PLACE: "Vous n'avez pas de place dans une file en ce moment.",
        Answer.WHICH: "Vous avez ces places : {places}. Ajoutez le numéro, par exemple {example}",
        Answer.CLOSED: "{queue} n'est pas ouvert en ce moment.",
        Answer.FULL: "{queue} est complet en ce moment. Réessayez plus tard.",
        Answer.NOT_POSSIBLE: "{queue} : ce n'est pas possible pour le moment. Adressez-vous à notre personnel.",
        Answer.OPTED_OUT: "{tenant} ne vous écrira plus. Vous gardez votre place. Répondez START pour annuler.",
        Answer.OPTED_IN: "{tenant} peut de nouveau vous écrire. Répondez STOP pour arrêter.",
        Answer.HELP: "{tenant} : M plus de temps, L quitter la file, J revenir, STOP plus de messages.",
    },
    "es": {
        Answer.LEFT: "{ticket}: ha salido de la cola {queue}. Responda J para volver.",
        Answer.MOVED_BACK: "{ticket}: los siguientes pasan primero, usted conserva un puesto detrás.",
        Answer.NOBODY_BEHIND: "{ticket}: no hay nadie detrás de usted, nada ha cambiado.",
        Answer.YOUR_TURN: "{ticket}: es su turno. Venga, o responda L si no puede.",
        Answer.JOINED: "Está de nuevo en la cola {queue}. Su número: {ticket}",
        Answer.HAS_PLACE: "Ya tiene un puesto en la cola {queue}: {ticket}",
        Answer.NOTHING_TO_JOIN: "No hay ninguna cola a la que pueda volver.",
        Answer.NO_PLACE: "Ahora no tiene puesto en ninguna cola.",
        Answer.WHICH: "Tiene estos puestos: {places}. Añada el número, por ejemplo {example}",
        Answer.CLOSED: "{queue} no está abierto en este momento.",
        Answer.FULL: "{queue} está completo en este momento. Inténtelo más tarde.",
        Answer.NOT_POSSIBLE: "{queue}: no es posible en este momento. Pregunte a nuestro personal.",
        Answer.OPTED_OUT: "{tenant} no le enviará más mensajes. Conserva su puesto. Responda START para deshacerlo.",
        Answer.OPTED_IN: "{tenant} puede volver a escribirle. Responda ALTO para terminar.",
        Answer.HELP: "{tenant}: M más tiempo, L salir de la cola, J volver, ALTO no recibir mensajes.",
    },
    "ar": {
        Answer.LEFT: "الرقم {ticket}: لقد غادرت طابور {queue}. أرسل J للعودة.",
        Answer.MOVED_BACK: "الرقم {ticket}: يتقدم من بعدك أولا، وتحتفظ بمكان خلفهم.",
        Answer.NOBODY_BEHIND: "الرقم {ticket}: لا أحد خلفك، فلم يتغير شيء.",
        Answer.YOUR_TURN: "الرقم {ticket}: حان دورك الآن. تفضل بالحضور، أو أرسل L إن تعذر ذلك.",
        Answer.JOINED: "أنت في طابور {queue} من جديد. رقمك: {ticket}",
        Answer.HAS_PLACE: "لديك مكان في {queue} بالفعل: {ticket}",
        Answer.NOTHING_TO_JOIN: "لا يوجد طابور يمكنك العودة إليه.",
        Answer.NO_PLACE: "ليس لديك مكان في أي طابور حاليا.",
        Answer.WHICH: "لديك هذه الأماكن: {places}. أضف الرقم، مثلا {example}",
        Answer.CLOSED: "طابور {queue} غير مفتوح حاليا.",
        Answer.FULL: "طابور {queue} ممتلئ حاليا. حاول لاحقا.",
        Answer.NOT_POSSIBLE: "طابور {queue}: هذا غير ممكن الآن. اسأل موظفينا.",
        Answer.OPTED_OUT: "لن يرسل إليك {tenant} رسائل بعد الآن. مكانك محفوظ. أرسل START للتراجع.",
        Answer.OPTED_IN: "يمكن أن يراسلك {tenant} من جديد. أرسل STOP للإيقاف.",
        Answer.HELP: "من {tenant}: أرسل M لمزيد من الوقت، L لمغادرة الطابور، J للعودة، STOP لإيقاف الرسائل.",
    },
}


def text_of(answer: Answer, locale: str, **values: str) -> tuple[str, str]:
    """The language that is used, and the text in it."""
    language = locale.partition("-")[0].lower()
    if language not in TEXTS:
        language = DEFAULT
    return language, TEXTS[language][answer].format(**values)
