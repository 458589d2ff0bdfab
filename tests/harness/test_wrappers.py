"""Who is blamed when a program allocates through functions that do nothing else."""
import pytest

from runner import program, run, tool_or_skip

BLAMED = {"direct": 101, "checked": 111, "checked_too": 113, "zeroed": 121, "grown": 131,
          "copied": 41, "open_frame": 151, "framed": 161, "large_frame": 171, "many_registers": 181,
          "recursive": 191, "duplicate": 20, "aligned": 221, "large": 100001}
COUNT = 20


def by_function(report):
    found = {}
    for site in report.sites():
        name = site["frames"][0]["function"] if site["frames"] else None
        found.setdefault(name, []).append(site)
    return found


@pytest.fixture(scope="module")
def functions():
    return by_function(run([program("wrappers")], report=True).ok().report)


@pytest.mark.parametrize("name", sorted(BLAMED))
def test_the_caller_of_a_wrapper_is_blamed(functions, name):
    sites = functions["blamed_" + name]
    assert len(sites) == 1
    assert sites[0]["allocations"] == COUNT
    assert sites[0]["allocated_bytes"] == COUNT * BLAMED[name]
    assert sites[0]["frees"] == COUNT // 2
    assert sites[0]["live_bytes"] == COUNT // 2 * BLAMED[name]


def test_a_wrapper_of_a_variadic_function_is_left_out(functions):
    assert [s["live_blocks"] for s in functions["blamed_formatted"]] == [COUNT // 2]


def test_no_wrapper_owns_anything(functions):
    wrappers = [name for name in functions if name and ("malloc" in name or "alloc" in name)
                and not name.startswith("blamed_")]
    assert wrappers == []


def test_an_unknown_wrapper_owns_what_it_asks_for(functions):
    assert "blamed_unknown" not in functions
    assert [s["allocations"] for s in functions["get_mem"]] == [COUNT]


@pytest.mark.parametrize("option", ["get_mem", "get_*", "other,get_mem", "get_mem@wrappers",
                                    "'get_mem'@wrap*"])
def test_the_user_names_wrappers(option):
    found = by_function(run([program("wrappers")], report=True, env={"HEAPTAG_WRAPPERS": option}).ok().report)
    assert "get_mem" not in found
    assert [s["allocations"] for s in found["blamed_unknown"]] == [COUNT]
    assert [s["allocations"] for s in found["blamed_checked"]] == [COUNT]  # the built-in list holds


def test_a_wrapper_of_another_library_is_none():
    report = run([program("wrappers")], report=True, env={"HEAPTAG_WRAPPERS": "get_mem@libother.so*"}).ok().report
    assert "get_mem" in by_function(report)


def test_totals_do_not_depend_on_who_is_blamed():
    plain = run([program("wrappers")], report=True).ok().report
    blamed = run([program("wrappers")], report=True, env={"HEAPTAG_WRAPPERS": "get_mem,blamed_*"}).ok().report
    assert plain["totals"]["allocations"] == blamed["totals"]["allocations"]
    assert plain["totals"]["live_bytes"] == blamed["totals"]["live_bytes"]


CONTAINERS = ("vector", "string", "map", "hash", "list", "deque", "shared", "unique", "function",
              "stream")


@pytest.fixture(scope="module")
def container_functions():
    return by_function(run([program("containers")], report=True).ok().report)


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_allocate_for_their_users(container_functions, name):
    assert any(f and f"blamed_{name}" in f for f in container_functions)


def test_nothing_of_the_cxx_library_owns_blocks_of_the_program(container_functions):
    owners = [f for f in container_functions if f and (f.startswith("_ZNSt") or f.startswith("_ZSt")
                                                       or "__gnu_cxx" in f)]
#The body of a thread is the program's own code, wherever the compiler has put it.
    assert [f for f in owners if "thread" not in f] == []


def test_what_a_thread_runs_is_no_wrapper(container_functions):
    lambdas = [f for f in container_functions if f and "blamed_lambda_of_thread" in f]
    assert lambdas


def test_a_program_with_gaps_between_its_segments():
    """make's data begin a page behind its constants: the loader tells of it in pieces."""
    report = run([tool_or_skip("make"), "--version"], report=True).report
    made = [m for m in report["modules"] if m["path"].endswith("/make")]
    assert len(made) == 1 and made[0]["build_id"]


def test_operators_of_the_program_and_ours():
    """new(std::nothrow) is ours and calls the program's operator new: neither is to blame."""
    report = run([program("nothrow_by_own_new")], report=True).ok().report
    assert report.by_function("blamed_for_nothrow")["allocations"] == 20
    assert not any("libheaptag" in site["frames"][0]["module"] for site in report.sites()
                   if site["frames"] and site["frames"][0]["module"])
