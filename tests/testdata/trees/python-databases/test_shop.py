import errno
import pathlib

import pytest

import shop


def test_every_run_begins_with_the_schemas_items():
    assert shop.query("SELECT count(*) FROM item") == ["2"]
    shop.query("INSERT INTO item VALUES ('salt', 90)")
    assert shop.query("SELECT count(*) FROM item") == ["3"]


def test_the_total_is_the_sum_of_all_items():
    shop.query("DELETE FROM item WHERE name = 'salt'")
    assert shop.total() == 465


def test_every_run_begins_without_visitors():
    assert [shop.visit(), shop.visit()] == [1, 2]
    assert shop.redis("SAVE") == "OK"


def test_the_services_data_is_theirs_and_nothing_else_of_the_environment():
    assert pathlib.Path("/sandbox/env/redis/dump.rdb").exists()
    assert pathlib.Path("/sandbox/env/postgres").stat().st_mode & 0o777 == 0o700
    with pytest.raises(OSError) as refused:
        pathlib.Path("/sandbox/env/new").write_text("x")
    assert refused.value.errno == errno.EROFS
