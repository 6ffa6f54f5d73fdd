"""Enter, renew, leave: what a released visitor does, and what is refused with a reason."""

from tests.admission.gate import Gate


async def test_arrive_enter_renew_leave(gate: Gate) -> None:
    joined = await gate.join()
    released = await gate.admission(joined)
    print(released)
    entered = await gate.done("admissionEnter", token=released["token"])
    print(entered)
    gate.clock.advance(seconds=300)
    renewed = await gate.done("admissionRenew", token=entered["token"])
    print(renewed)
    left = await gate.done("admissionLeave", token=renewed["token"])
    print(left)
    print(await gate.events(), await gate.counts())
