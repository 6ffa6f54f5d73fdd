"""The examples of `docs/admission.md` run as they stand, and refuse what they say they refuse."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import KeySet

from app.admission.models import AdmissionEnd
from app.admission.tokens import CLAIMS, signed
from app.core.clock import SystemClock
from app.identity.models import KeyPurpose
from tests.admission.gate import Gate, open_gate
from tests.admission.test_tokens import forgeries
from tests.support.api import Api

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "admission.md").read_text(encoding="utf-8")
ISSUER = "urn:virtual-queue"


def example(language: str) -> str:
    """The one block of the page in this language."""
    (block,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(block)


async def jwks(api: Api) -> dict[str, Any]:
    """The published keys."""
    return dict((await api.http.get("/.well-known/jwks.json")).json())


def in_python(keys: dict[str, Any], queue_id: str, tokens: dict[str, str]) -> dict[str, str]:
    """What the page's function says of each token: its session, or why not."""
    names: dict[str, Any] = {}
    exec(compile(example("python"), "docs/admission.md", "exec"), names)
    found = {}
    for name, token in tokens.items():
        try:
            found[name] = names["verify"](token, ISSUER, KeySet.import_key_set(keys), queue_id)["sub"]
        except ValueError as problem:
            found[name] = f"refused: {problem}"
    return found


def in_javascript(keys: dict[str, Any], queue_id: str, tokens: dict[str, str], folder: Path) -> dict[str, str]:
    """The same of the other one."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    (folder / "verify.mjs").write_text(example("javascript"))
    (folder / "run.mjs").write_text(
        """
        import { readFileSync } from "node:fs";
        import { verify } from "./verify.mjs";
        const { keys, issuer, queueId, tokens } = JSON.parse(readFileSync(0));
        const say = (token) => {
          try {
            return verify(token, { issuer, keys }, queueId).sub;
          } catch (problem) {
            return `refused: ${problem.message}`;
          }
        };
        const said = Object.entries(tokens).map(([name, token]) => [name, say(token)]);
        console.log(JSON.stringify(Object.fromEntries(said)));
        """
    )
    given = {"keys": keys["keys"], "issuer": ISSUER, "queueId": queue_id, "tokens": tokens}
    ran = subprocess.run(
        [node, str(folder / "run.mjs")], input=json.dumps(given).encode(), capture_output=True, check=True, timeout=60
    )
    return dict(json.loads(ran.stdout))


@pytest.fixture
async def gate(gate: Gate) -> Gate:
    """One whose tokens last for the rest of the run: the examples look at the machine's clock."""
    return await open_gate(gate.business, gate.clock, claimSeconds=86_400, staySeconds=86_400)


@pytest.fixture(params=["python", "javascript"])
def said(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """One of the two."""
    if request.param == "python":
        return in_python
    return lambda keys, queue_id, tokens: in_javascript(keys, queue_id, tokens, tmp_path)


async def test_good_tokens_pass(gate: Gate, said: Callable[..., dict[str, str]]) -> None:
    joined, inside = await gate.inside()
    waiting = await gate.join()
    tokens = {"inside": inside, "released": await gate.token(waiting)}
    found = said(await jwks(gate.api), gate.queue, tokens)
    assert found == {"inside": joined.id, "released": waiting.id}


async def test_what_is_not_ours_is_refused(gate: Gate, said: Callable[..., dict[str, str]]) -> None:
    """A site knows one queue and no session: what only we can compare is left to us."""
    ours_to_compare = {
        *("session of another tenant", "another session than the id's", "queue and audience differ"),
        *("tenant of somebody else", "tenant whose halves differ", "a queue as a session", "state nobody knows"),
        *("id of another shape", "id with number 0", "address hash not a text", "expiry beyond time"),
        *("no sub", "no queue", "no tenant", "no state", "no iat", "no jti", "expiry true", "expiry as text"),
        "signed with the key of access tokens",
    }
    tokens = {name: token for name, token in (await forgeries(gate)).items() if name not in ours_to_compare}
    assert len(tokens) > 20
    found = said(await jwks(gate.api), gate.queue, tokens)
    assert [name for name, answer in found.items() if not answer.startswith("refused: ")] == []


async def test_another_queues_token_and_one_that_is_over(gate: Gate, said: Callable[..., dict[str, str]]) -> None:
    token = await gate.token(await gate.join())
    key = await gate.api.runtime.authenticator.keys.signer(KeyPurpose.ADMISSION)
    claims = await gate.api.runtime.admissions.read(token)
    an_hour_ago = SystemClock().now().replace(microsecond=0) - timedelta(hours=1)
    old = signed(replace(claims, expires_at=an_hour_ago), key, ISSUER)
    keys = await jwks(gate.api)
    assert said(keys, "another-queue", {"good": token}) == {"good": "refused: another queue's token"}
    assert said(keys, gate.queue, {"old": old}) == {"old": "refused: the token is over"}


def test_the_page_names_every_claim_and_every_end() -> None:
    table = PAGE.split("## The token")[1].split("##")[0]
    assert [name for name in CLAIMS if f"`{name}`" not in table] == []
    assert [end.value for end in AdmissionEnd if f"`{end.value}`" not in PAGE] == []
