"""Every profile of a real charger against a device made of the collected facts: a whole session (test_session)."""
import facts as facts_of
import pytest

PROFILES = [name for name in facts_of.profiles() if not facts_of.is_meter(name)]
pytestmark = pytest.mark.xdist_group("chargers")     # one site for all


@pytest.mark.parametrize("profile", PROFILES)
def test_session(profile, outcomes):
    outcome = outcomes[profile]
    print("\n".join(outcome.notes), f"\n{outcome.seconds:.0f} s")
    if outcome.error:
        pytest.fail(outcome.error, pytrace=False)


def test_every_fact_file_has_a_profile():
    assert facts_of.without_profile() == []
