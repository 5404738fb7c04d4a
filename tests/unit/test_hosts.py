import pytest

from hongyan.kit.hosts import Host, hosts


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgresql://u:p@h1:5433,h2/db", [Host("h1", 5433), Host("h2", 5432)]),
        ("postgresql://u:p@h1,h2/db?port=6000", [Host("h1", 6000), Host("h2", 6000)]),
        ("postgresql://[::1]:1/db", [Host("::1", 1)]),
        ("postgresql:///db?host=h1,h2&port=1,2", [Host("h1", 1), Host("h2", 2)]),
        ("postgresql://u@/db?host=/run/a,/run/b", [Host("/run/a", 5432), Host("/run/b", 5432)]),
        ("postgresql://u@%2Frun%2Fa/db", [Host("/run/a", 5432)]),
        ("postgresql:///db", []),
    ],
)
def test_the_servers_of_a_url_are_those_libpq_reads(url: str, found: list[Host]) -> None:
    assert list(hosts(url)) == found


def test_ports_that_do_not_fit_the_hosts_are_refused() -> None:
    with pytest.raises(ValueError, match="2 ports for 3 hosts"):
        hosts("postgresql:///db?host=a,b,c&port=1,2")


def test_a_server_is_written_as_people_write_it() -> None:
    assert [str(host) for host in (Host("db1", 5432), Host("::1", 5433))] == ["db1:5432", "[::1]:5433"]
