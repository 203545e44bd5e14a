import pytest

from src.api.middleware.rate_limit import RULES, FixedWindows, RateLimitMiddleware, Rule, Tier
from tests.unit.asgi import answering, request

TIER = Tier(name="test", limit=2, window=20)
RULE = Rule(tier=TIER, method="GET", path="/things/{thing_id}")
OTHER = Rule(tier=TIER, method="POST", path="/things")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def windows(clock: Clock) -> FixedWindows:
    return FixedWindows(clock=clock)


@pytest.fixture
def limited(windows: FixedWindows) -> RateLimitMiddleware:
    return RateLimitMiddleware(answering(), rules=(RULE, OTHER), windows=windows)


def test_nine_endpoints_are_limited() -> None:
    assert len({(rule.method, rule.path) for rule in RULES}) == 9


def test_exactly_the_limit_passes(windows: FixedWindows) -> None:
    assert [windows.hit(("a", RULE)) for _ in range(3)] == [None, None, 20]


def test_the_wait_is_in_whole_seconds_rounded_up(windows: FixedWindows, clock: Clock) -> None:
    windows.hit(("a", RULE))
    windows.hit(("a", RULE))
    clock.now += 12.3
    assert windows.hit(("a", RULE)) == 8


def test_after_the_wait_the_first_passes(windows: FixedWindows, clock: Clock) -> None:
    for _ in range(2):
        windows.hit(("a", RULE))
    clock.now += windows.hit(("a", RULE)) or 0
    assert windows.hit(("a", RULE)) is None


def test_refused_requests_do_not_prolong_the_wait(windows: FixedWindows, clock: Clock) -> None:
    for _ in range(10):
        windows.hit(("a", RULE))
    clock.now += 19.5
    assert windows.hit(("a", RULE)) == 1


def test_clients_and_endpoints_are_counted_apart(windows: FixedWindows) -> None:
    for _ in range(2):
        windows.hit(("a", RULE))
    assert windows.hit(("b", RULE)) is None
    assert windows.hit(("a", OTHER)) is None


def test_closed_windows_are_forgotten(clock: Clock) -> None:
    windows = FixedWindows(clock=clock, sweep_above=10)
    for number in range(10):
        windows.hit((f"client {number}", RULE))
    clock.now += 21
    windows.hit(("another", RULE))
    assert len(windows.windows) == 1


def test_a_refusal_says_how_long_to_wait(limited: RateLimitMiddleware) -> None:
    answers = [request(limited, "GET", "/things/1") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[-1].values("Retry-After") == ["20"]


def test_all_values_of_a_path_parameter_share_a_window(limited: RateLimitMiddleware) -> None:
    assert [request(limited, "GET", f"/things/{number}").status for number in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(("method", "path"), [("POST", "/things/1"), ("GET", "/things"), ("GET", "/things/1/parts")])
def test_other_methods_and_paths_are_not_limited(limited: RateLimitMiddleware, method: str, path: str) -> None:
    assert [request(limited, method, path).status for _ in range(3)] == [200, 200, 200]


def test_clients_without_an_address_share_a_window(limited: RateLimitMiddleware) -> None:
    answers = [request(limited, "GET", "/things/1", client=None) for _ in range(3)]
    assert answers[-1].status == 429
