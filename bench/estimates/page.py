"""Writes the figures down: a table for the terminal, the page of the documentation with its pictures.

Nothing on the page is typed by hand but the explanations.
"""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import plots
from bench.estimates.evaluation import SELECTED, Interval
from bench.estimates.findings import WEIGHTED, Found, rows

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "estimates.md"

_INTRODUCTION = """# Wait estimates

How long will somebody who joins now wait? `app/estimates` answers with two numbers: half of those who join such a
line wait at most **P50**, nine of ten at most **P90**. This page says how, and how good the answers are on three
weeks of real calls. It is written by the evaluation itself (`{command}`).

## What the product shows

| where | fields |
| --- | --- |
| `Session`, `DisplayQueue`, `Queue` | `estimatedWaitP50Seconds`, `estimatedWaitP90Seconds` |
| the same | `estimatedWaitReason`: why these are hidden, or wide |
| the same | `estimatedWaitSeconds`, `estimatedWaitUnknown`: the plain mean, without memory, as before |
| `estimateAccuracy` | losses, error, bias and coverage of what was said, and a sentence for people |

- **Learning** (`app/sessions/waits`): every worker looks for queues whose log goes on behind what was learned, takes
  one by its row, and learns from the next events in one transaction, at most every five seconds a queue. Nothing is
  learned twice, whoever is killed; however the log is cut into portions, the same is learned. A wait begins with a
  join or a transfer in and ends with the first call. Leaving, going on hold or stepping back end it without telling
  its length.
- **Saying**: an API process has the memory of each live line (taken up again every ten seconds while the line moves)
  and the line's own last calls. For each state of a line the chosen predictor is asked at places 0 to 16, and then at
  every sixth part further on, when somebody there is shown something; between two of them P50 and P90 lie on a
  straight line. So ten thousand places cost some sixty predictions a state, and no subscriber costs one. In a feed
  P50 and P90 come with the moves: a change of them alone is no message.
- **METERED** queues say rate and cap from the first visitor on (P50 as `estimatedWaitSeconds`); P90 is a quarter more
  until 20 waits have ended (`FEW_OUTCOMES`), and then a factor that follows the waits.
- **What was said is kept**: one row a join, P50, P90, the predictor and the features, until the wait ends; then the
  truth instead of the features, and no session any more. From 400 people in line on, one of several joins, which
  stands for them. Kept for three months. It is what the memory in force said: a memory that a process took up some
  seconds later may have said a second more or less.
- **`estimateAccuracy`** gives the figures twice: of those who were called, and as if everybody had stayed (below). *n
  of ten waited less than we said* counts the called who waited at most P90, rounded down; below 20 of them there is
  no sentence.
- Hidden with `NOT_RELEASING` while a queue is paused, in maintenance or before its opening, whatever was learned.

## What estimates

| predictor | P50 is | P90 is |
| --- | --- | --- |
| queue length ÷ service rate | (ahead + 1) × mean service ÷ counters on duty | P50 × a factor that follows the waits |
| delay of the last to enter service | what that person had waited | the same |
| delay of the head of the line | what whoever waits longest has waited so far | the same |
| each of the three, calibrated | times a factor for P50 too | the same |
| moving quantile regression | a linear function of logarithms (inputs below) | a second such function |
| the selector | that of whichever had the least pinball loss (P50 + P90) so far in this line | the same one's |

- **Each learns from every wait that has ended, when it has ended**, one small step at a time, and keeps no waits:
  what is remembered is some 2,000 numbers (14 kB of JSON) a line, whatever its length (`memory.py`).
- The **regression** sees logarithms of the three classic numbers, place (also among those who want the same), pace,
  counters, priority, and the hour and the category. It steps down the pinball loss (AdaGrad, averaged).
- **Who left** did not wait to the end: their wait is only known to have been longer. Learning from those served alone
  says too little, as the patient with long waits are missing. So a served wait stands for those alike who left before
  it: its weight is 1 ÷ the probability to have stayed so long (Kaplan–Meier of leaving, per category, online; at most
  8). The row *the same, blind to who left* is the regression without that.
- **Few data**: nothing before 20 ended waits (`NO_OUTCOMES`), a wider P90 until 200 (`FEW_OUTCOMES`), nothing while
  nobody is on duty (`NOBODY_ON_DUTY`). P90 then follows its own misses, over all and for each of seven ranges of
  places (nobody ahead, 1–2, 3–6, …), so that nine of ten stay nine of ten while a line changes.
- **No looking ahead**: an estimate is kept as it was said on joining; of one second, joins come before everything
  else.

## The data and the two scorings

{data}

- **Those served**: what a visitor who was called would say of us. Biased towards short waits, as who would have
  waited long left more often.
- **Weighted for those who left**: the same calls, each standing for those alike who left before (Kaplan–Meier of the
  scored time itself, per category: scoring may know it). This estimates the error for everybody had they all stayed,
  and is the one that is meant by P50 and P90. It trusts that of two alike who waited as long, who leaves does not
  depend on the rest.

A call answered within the second it came in never entered the line and is not scored. Brackets are 95 % intervals
(bootstrap over whole hours, 1,000 draws: calls of one hour share their luck). MAE and bias are of P50, in seconds;
*within* is the share that waited at most what was said, in per cent (meant: 50 and 90).
"""

_LIMITS = """
## What to keep in mind

- One line: a bank's telephones in 1999, people who cannot see the line and were told nothing. Yours differs; hence
  the selector.
- Counters on duty are not in the record: an agent counts who serves or ended a service in the last ten minutes.
- The regression's step sizes, the step of the tracks by place, and which of two inputs could be left out were chosen
  on the second week after learning from the first, without the third. The other inputs had been chosen while looking
  at the third before, so the third week flatters them a little; in the second week the gap to the classic rules was
  larger.
- The tracks by place cost a little pinball loss (second week, weighted: 30.1 s to 30.9 s) for a P90 that holds with
  many ahead too (8 to 15: 83 % to 87 %). A long line is rare, so what is known of it stays rough.
- How many of those ahead want the same is taken from their share of the whole line, as the product does: exact for
  whoever is last, near for others.
- Each regression is best at what it learns: scored on those served alone, the one blind to who left has the smaller
  error and says too little to everybody else. The selector measures with the weights.
- Agents in the record do not take every category alike, which is why the category matters so much here.
- P90 of the head of the line is bad by construction: its number is 0 when nobody waits, and a factor cannot mend
  that.
- Nothing is known of breaks and ends of shifts to come; P90 carries that.
"""


def printed(found: Found, missed: list[str], console: Console) -> None:
    """On the terminal."""
    for scoring, figures in found.figures.items():
        table = Table(
            "predictor", *next(iter(figures.values())), "µs", title=f"{scoring} ({found.scored[scoring]:,} calls)"
        )
        for name, measures in figures.items():
            table.add_row(name, *rows(measures), f"{found.microseconds[name]:.1f}")
        console.print(table)
        for name, less in found.differences[scoring].items():
            console.print(f"MAE less that of {name}: {_signed(less)} s")
    console.print(_chosen(found))
    for text in missed or ["All targets are met."]:
        console.print(text)


def write(found: Found, missed: list[str], command: str, data: str, document: Path = DOCUMENT) -> None:
    """The page, and its pictures in a folder of its name beside it."""
    pictures = document.with_suffix("")
    pictures.mkdir(parents=True, exist_ok=True)
    parts = [_INTRODUCTION.format(command=command, data=data)]
    for scoring, figures in found.figures.items():
        measures = list(next(iter(figures.values())))
        parts.append(f"\n## Figures: {scoring}\n\n{found.scored[scoring]:,} calls. `{command}`\n\n")
        parts.append(_row(["predictor", *measures, "µs"]) + _row(["---", *["---:"] * (len(measures) + 1)]))
        parts += [
            _row([f"**{name}**" if name == SELECTED else name, *rows(values), f"{found.microseconds[name]:.1f}"])
            for name, values in figures.items()
        ]
        parts.append(
            "\nMAE of the selector less that of a classic predictor, on the same calls (below zero is better):\n\n"
        )
        parts.append(_row(["beside", "s"]) + _row(["---", "---:"]))
        parts += [_row([name, _signed(less)]) for name, less in found.differences[scoring].items()]
    parts.append(
        f"\n{_chosen(found)} Microseconds are of one estimate in pure Python on one core, the least of five rounds.\n"
    )
    parts.append(f"\n## By the place on joining\n\nThe selector, {WEIGHTED}.\n\n")
    parts.append(_row(["people ahead", "calls", "within P90, %", "mean P90, s"]) + _row(["---", *["---:"] * 3]))
    parts += [
        _row([place, f"{calls:,}", f"{within * 100:.1f}", f"{said:.0f}"])
        for place, calls, within, said in found.by_place
    ]
    parts.append(
        "\n## Targets\n\nUnder both scorings, P50 error below every classic predictor and P90 coverage 90 ± 3 %; "
        "at most 50 µs an estimate: "
    )
    parts.append("all met.\n" if not missed else "missed:\n\n" + "".join(f"- {text}\n" for text in missed))
    parts.append("\n")
    for plot in found.plots:
        (pictures / f"{plot.name}.svg").write_text(plots.drawn(plot), encoding="utf-8")
        parts.append(f"![{plot.title}]({pictures.name}/{plot.name}.svg)\n\n")
    parts.append(_LIMITS.lstrip("\n"))
    document.write_text("".join(parts), encoding="utf-8")


def _chosen(found: Found) -> str:
    voices = ", ".join(f"{name} {times:,} times" for name, times in sorted(found.chosen.items(), key=lambda it: -it[1]))
    return (
        f"Of {found.joined:,} calls that entered the line in the scored time {found.left:,} left unserved and "
        f"{found.hidden:,} were told nothing. The selector spoke with the voice of: {voices}."
    )


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _signed(less: Interval) -> str:
    return f"{less.value:+.1f} ({less.low:+.1f} to {less.high:+.1f})".replace("-", "−")
