"""The commands as an operator types them, on a real PostgreSQL; one process runs them all, each on its own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hongyan.doors.huawei.ids import sms_msg_id
from hongyan.model.credit_code import check_letter
from shell import Shell, shell_on


@pytest.fixture(scope="module")
def shell(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    data_dir: Path = tmp_path_factory.mktemp("data")
    with shell_on(DATABASE_URL=database_url, DATA_DIR=str(data_dir)) as shell:
        yield shell


def test_a_tenant_is_set_up_from_the_command_line(shell: Shell) -> None:
    account = str(shell.ask("account", "create", "Example Ltd")["id"])
    key = shell.ask("key", "create", "--account", account)
    assert key["secret_id"].startswith("AKID")
    [listed] = shell.ask("key", "list", "--account", account)
    assert "secret_key" not in listed
    made = shell.ask("app", "create", "shop", "--account", account)
    app = str(made["id"])
    changed = shell.ask(
        "app", "set", app, "--pull", "--day", "5", "--report-url", "https://shop.example/report", "--context"
    )  # fmt: skip
    assert (changed["pull"], changed["limits"]["day"], changed["context_in_reports"]) == (True, 5, True)
    changed = shell.ask("app", "set", app, "--limits", "huawei", "--day", "5", "--window", "same:2/59", "--window", "marketing:1/day")
    assert (changed["limits"]["day"], changed["limits"]["same_content_30s"]) == (5, 0)
    assert [(window["most"], window["seconds"], window["kind"], window["same_content"]) for window in changed["windows"]] == [
        (2, 59, None, True), (1, 0, "marketing", False),
    ]  # fmt: skip
    assert "marketing:1/day" in shell.run("app", "show", app)[1]
    assert shell.ask("app", "set", app, "--no-windows")["windows"] == []
    code, _, err = shell.run("app", "set", app, "--window", "2 a minute", "--json")
    assert (code, "usage" in err) == (2, True)
    assert shell.refused("app", "set", app, "--limits", "nobody") == "invalid"
    made_for_huawei = shell.ask("app", "create", "shop of old", "--account", account, "--limits", "huawei")
    assert len(made_for_huawei["windows"]) == 8
    signature = str(shell.ask("signature", "add", "鸿雁商城", "--account", account)["id"])
    assert shell.ask("signature", "approve", signature)["status"] == "approved"
    template = shell.ask("template", "add", "您的验证码是{1}", "--account", account, "--name", "code", "--kind", "verification")
    assert shell.ask("template", "approve", str(template["id"]))["kind"] == "verification"
    bought = shell.ask("package", "buy", app, "5000", "--scope", "international", "--days", "30", "--gift")
    assert (bought["available"], bought["scope"], bought["gift"]) == (5000, "international", True)
    assert shell.ask("app", "allow", app, "13800000000")["unlimited_phones"] == ["+8613800000000"]
    assert shell.ask("blacklist", "add", "--app", app, "13900000000", "--reason", "complaint") == {"added": 1}
    assert [row["phone"] for row in shell.ask("blacklist", "list", "--app", app)] == ["+8613900000000"]
    assert shell.ask("sender", "add", "106900009999", "--app", app)["app_id"] == int(app)
    assert shell.ask("app", "set", app, "--sender", "106900009999")["sender_id"] == "106900009999"
    shown = shell.ask("app", "show", app, "--key")
    assert (shown["app_key"], shown["unlimited_phones"]) == (made["app_key"], ["+8613800000000"])
    assert "app_key" not in shell.ask("app", "show", app)
    assert shell.ask("key", "disable", key["secret_id"])["enabled"] is False
    assert shell.ask("message", "list", "--app", app) == []


def test_papers_are_handed_in_and_decided_on_from_the_command_line(shell: Shell, tmp_path: Path) -> None:
    account = str(shell.ask("account", "create", "Papers Ltd")["id"])
    licence = tmp_path / "licence.pdf"
    licence.write_bytes(b"%PDF-1.7\n1 0 obj\n%%EOF\n")
    document = str(shell.ask("document", "add", str(licence), "--account", account)["id"])
    assert "place" not in shell.ask("document", "list", "--account", account)[0]
    assert shell.ask("document", "save", document, str(tmp_path / "copy.pdf"))["media_type"] == "application/pdf"
    assert (tmp_path / "copy.pdf").read_bytes() == licence.read_bytes()
    assert shell.refused("document", "add", str(Path(__file__)), "--account", account) == "invalid"
    body = "91310000MA1K3YQ6X"
    qualification = shell.ask(
        "qualification", "add", "licence", "--account", account, "--company", "鸿雁科技有限公司",
        "--credit-code", body + check_letter(body), "--document", document, "--until", "2099-12-31",
    )  # fmt: skip
    signature = shell.ask("signature", "add", "鸿雁科技", "--account", account, "--qualification", str(qualification["id"]))
    assert shell.ask("signature", "show", str(signature["id"]))["state"] == "pending_qualification_review"
    waiting = [review["kind"] for review in shell.ask("review", "list") if review["account_id"] == int(account)]
    assert waiting == ["qualification"]
    claimed = shell.ask("review", "claim", "--kind", "qualification")
    assert shell.refused("review", "reject", str(claimed["id"])) == "invalid"
    assert shell.ask("review", "reject", str(claimed["id"]), "--reason", "unreadable", "--note", "again")["state"] == "rejected"
    assert shell.ask("signature", "show", str(signature["id"]))["state"] == "review_not_pass"
    assert shell.refused("document", "delete", document) == "in_use"
    assert shell.ask("signature", "delete", str(signature["id"])) == {"id": signature["id"], "deleted": True}
    assert shell.ask("qualification", "delete", str(qualification["id"]))["deleted"] is True
    assert shell.ask("document", "delete", document)["deleted"] is True
    assert {review["state"] for review in shell.ask("review", "history") if review["account_id"] == int(account)} == {"rejected"}
    assert "unreadable" in {reason["code"] for reason in shell.ask("review", "reasons", "qualification")}


def test_a_rule_is_switched_on_and_a_day_off_is_written_down(shell: Shell) -> None:
    account = str(shell.ask("account", "create", "Quick Ltd")["id"])
    assert shell.ask("review", "rule", "everything", "--on") == {"name": "everything", "on": True}
    template = shell.ask("template", "add", "您的验证码是{1}", "--account", account, "--name", "code", "--kind", "verification")
    assert template["status"] == "approved"
    assert shell.ask("review", "rule", "everything", "--off")["on"] is False
    assert [rule["on"] for rule in shell.ask("review", "rules")] == [False] * 3
    assert shell.ask("calendar", "set", "2027-02-08", "--off", "--name", "春节")["working"] is False
    assert {"date": "2027-02-08", "working": False, "name": "春节"} in shell.ask("calendar", "list", "2027")
    shell.ask("calendar", "unset", "2027-02-08")
    assert shell.refused("calendar", "unset", "2027-02-08") == "not_found"
    assert len(shell.ask("calendar", "list", "2026")) == 39


def test_links_are_written_as_fields_and_never_show_their_password(shell: Shell) -> None:
    added = shell.ask(
        "link", "add", "main", "host=smsc.example", "port=2775", "system_id=me", "password=canary", "scopes=mainland", "carriers=cmcc,cucc"
    )
    assert (added["port"], added["scopes"], added["carriers"]) == (2775, ["mainland"], ["cmcc", "cucc"])
    assert shell.ask("link", "set", "main", "rate=150.5")["rate"] == 150.5
    assert shell.ask("link", "disable", "main")["enabled"] is False
    assert "canary" not in json.dumps(shell.ask("link", "list"))
    for wrong in (["port=many"], ["nonsense=1"], ["rate"], ["scopes=moon"]):
        code, _, err = shell.run("link", "set", "main", *wrong, "--json")
        assert (code, json.loads(err)["error"]) == (2, "usage")


def test_refusals_have_a_code_for_programs_and_a_hint_for_people(shell: Shell) -> None:
    assert shell.refused("app", "show", "1") == "not_found"
    account = str(shell.ask("account", "create", "Person", "--kind", "individual")["id"])
    assert shell.refused("account", "create", "Person") == "taken"
    assert shell.refused("signature", "add", "测试", "--account", account) == "invalid"
    assert (
        shell.refused("template", "add", "新品，拒收请回复R", "--account", account, "--name", "m", "--kind", "marketing") == "not_allowed"
    )
    code, out, err = shell.run("app", "show", "1")
    assert (code, out) == (1, "")
    assert "hongyan app list" in err


def test_the_sandbox_is_the_same_whenever_it_is_asked_for(shell: Shell) -> None:
    first = shell.ask("sandbox")
    assert shell.ask("sandbox") == first
    assert set(first["huawei"]) == {"app_key", "app_secret", "from", "template_id", "template_paras", "ak", "sk", "project_id"}
    assert first["endpoint"].startswith("http://")
    assert set(first["templates"]) == {"verification", "notice", "marketing", "international"}


def test_a_message_that_never_was_is_not_found_and_the_id_may_be_a_serial_number(shell: Shell) -> None:
    for written in ("123456789", "5000:123456789"):
        assert shell.refused("message", "show", written) == "not_found"
    code, _, err = shell.run("message", "show", "nonsense", "--json")
    assert (code, json.loads(err)["error"]) == (2, "usage")


def test_guards_and_alarm_contacts_are_set_on_the_command_line(shell: Shell, tmp_path: Path) -> None:
    account = str(shell.ask("account", "create", "Guarded Ltd")["id"])
    app = str(shell.ask("app", "create", "shop", "--account", account)["id"])
    set_ = shell.ask(
        "protection", "set", app, "--day", "100:80", "--country", "US=5", "--closed", "sg", "--marketing-hours", "--defer-marketing"
    )
    assert (set_["settings"]["marketing_hours"], set_["settings"]["marketing_deferred"]) == (True, True)
    assert set_["settings"]["day"] == {"alarm": 80, "most": 100}
    shown = shell.ask("protection", "show", app)
    assert (shown["settings"]["closed"], shown["settings"]["countries"]["US"]["most"]) == (["SG"], 5)
    assert shell.ask("protection", "stop", app, "--reason", "pumped")["stop_reason"] == "pumped"
    assert shell.ask("protection", "resume", app)["stopped_at"] is None
    code, _, err = shell.run("protection", "set", app, "--day", "many", "--json")
    assert (code, json.loads(err)["error"]) == (2, "usage")
    words = tmp_path / "words.txt"
    words.write_text("\u7591\u4f3c\u8bcd\n", encoding="utf-8")
    assert shell.ask("word", "add", "--file", str(words), "--refuse") == {"added": 1}
    assert [row["action"] for row in shell.ask("word", "list")] == ["refuse"]
    assert shell.ask("word", "remove", "\u7591\u4f3c\u8bcd") == {"removed": 1}
    assert shell.ask("held", "list", "--app", app) == []
    assert shell.ask("held", "release", app, "1") == {"released": []}
    contact = shell.ask("alarm", "add", app, "duty", "--email", "duty@example.com", "--kind", "traffic")["contact"]
    assert contact["kinds"] == ["traffic"]
    assert shell.ask("alarm", "set", str(contact["id"]), "--phone", "13800000000")["contact"]["phone"] == "+8613800000000"
    assert [row["medium"] for row in shell.ask("alarm", "test", str(contact["id"]))] == ["mail", "sms"]
    assert [row["kind"] for row in shell.ask("alarm", "told", "--account", account)] == ["test", "test"]
    assert shell.ask("alarm", "review-hook", account)["url"] == ""
    assert shell.ask("alarm", "remove", str(contact["id"])) == {"removed": contact["id"]}
    listed = tmp_path / "list.csv"
    listed.write_text("13800000001,spam\nnobody,\n", encoding="utf-8")
    assert shell.ask("blacklist", "import", str(listed), "--account", account)["added"] == 1
    code, out, _ = shell.run("blacklist", "export", "--account", account)
    assert (code, out.splitlines()[1].split(",")[:2]) == (0, ["8613800000001", "spam"])
    code, _, err = shell.run("blacklist", "list", "--json")
    assert (code, json.loads(err)["error"]) == (2, "usage")


def test_migrating_twice_changes_nothing(shell: Shell) -> None:
    assert shell.ask("migrate") == shell.ask("migrate")


def test_without_a_platform_the_simulator_is_not_there(shell: Shell) -> None:
    assert shell.refused("simulate", "stats") == "unreachable"


def test_a_misspelt_setting_stops_the_command(shell: Shell) -> None:
    misspelt = shell.under(HONGYAN_DATA_DIRR="x")
    assert misspelt.refused("app", "list") == "settings"


def test_who_did_what_is_listed_with_the_login_and_the_chain_holds(shell: Shell) -> None:
    account = shell.ask("account", "create", "Noted Ltd")["id"]
    key = shell.ask("key", "create", "--account", str(account))["secret_id"]
    newest, before = shell.ask("audit", "list", "--account", str(account))
    assert (newest["action"], newest["target"], newest["actor_kind"]) == ("key.create", key, "command")
    assert before["detail"] == {"name": "Noted Ltd", "kind": "enterprise", "verified": True}
    assert shell.ask("audit", "list", "--before", str(newest["id"]), "--most", "1") == [before]
    assert shell.ask("audit", "verify") == {"intact": True}


def test_people_get_into_accounts_and_their_keys_are_bound_from_the_command_line(shell: Shell) -> None:
    made = shell.ask("user", "create", "Wei@Example.com", "--name", "Wei Zhang", "--role", "reviewer")
    assert (made["email"], len(made["ticket"])) == ("wei@example.com", 43)
    assert shell.refused("user", "create", "wei@example.com", "--name", "Again") == "taken"
    account = str(shell.ask("account", "create", "People Ltd")["id"])
    assert shell.ask("member", "add", "wei@example.com", "--account", account, "--role", "owner")["role"] == "owner"
    user = str(made["user_id"])
    assert shell.refused("member", "role", user, "reader", "--account", account) == "wrong_state"
    assert shell.refused("member", "remove", user, "--account", account) == "wrong_state"
    invited = shell.ask("member", "invite", "li@example.org", "--account", account)
    [listed] = shell.ask("member", "invitations", "--account", account)
    assert (listed["email"], listed["role"], "ticket" in listed) == ("li@example.org", "developer", False)
    assert shell.ask("member", "withdraw", str(invited["id"]), "--account", account) == {"id": invited["id"], "removed": True}
    assert [row["email"] for row in shell.ask("member", "list", "--account", account)] == ["wei@example.com"]
    assert shell.ask("user", "reset", "wei@example.com")["ticket"] != made["ticket"]
    assert shell.ask("user", "unlock", "wei@example.com")["second_factor"] is False
    assert shell.ask("user", "role", "wei@example.com", "none")["operator_role"] is None
    assert shell.ask("user", "disable", "wei@example.com")["enabled"] is False
    assert shell.ask("user", "enable", "wei@example.com")["enabled"] is True
    key = shell.ask("key", "create", "--account", account, "--note", "orders", "--allow", "192.0.2.0/24", "--scope", "send")["secret_id"]
    changed = shell.ask("key", "set", key, "--anywhere", "--classic")
    assert (changed["note"], changed["allow"], changed["scopes"]) == ("orders", [], None)
    assert shell.refused("key", "remove", key) == "in_use"
    shell.ask("key", "disable", key)
    assert shell.ask("key", "remove", key)["removed"] is True


def test_what_a_reviewer_would_refuse_is_told_on_the_command_line(shell: Shell) -> None:
    tenant = shell.ask("sandbox")
    code, out, _ = shell.run("lint", "template", "请看https://a.cn/{1}", "--json")
    assert code == 1
    (finding,) = json.loads(out)
    assert (finding["code"], finding["refuses"], finding["at"]) == ("placeholder_in_link", True, 3)
    assert shell.ask("lint", "template", "您的订单{1}已发货", "--value", "digits", "--account", "1") == []
    code, out, _ = shell.run("lint", "signature", "测试", "--account", "1", "--json")
    assert (code, json.loads(out)[0]["code"]) == (1, "signature_neutral")
    assert shell.refused("lint", "signature", "鸿雁", "--account", "99") == "not_found"

    sample = tenant["templates"]["verification"]
    text = sample["content"].replace("{1}", "385204").replace("{2}", "5")
    matched = shell.ask("lint", "text", f"【{tenant['sign_name']}】{text}", "--app", tenant["sdk_app_id"])
    assert (str(matched["template_id"]), matched["params"]) == (sample["id"], ["385204", "5"])
    code, out, _ = shell.run("lint", "text", text.replace("，", "\u200b，", 1), "--app", tenant["sdk_app_id"], "--json")
    assert code == 1
    assert "U+200B" in json.loads(out)["text"]
    assert shell.refused("lint", "text", text, "--app", "1") == "not_found"


def test_what_was_sent_is_counted_and_listed_from_the_command_line(shell: Shell) -> None:
    account = str(shell.ask("account", "create", "Counting Ltd")["id"])
    app = str(shell.ask("app", "create", "counted", "--account", account)["id"])
    counted = shell.ask("message", "count", app, "--hours", "2")
    assert {name: counted[name] for name in ("numbers", "refused", "accepted", "segments", "converted", "ended")} == {
        **dict.fromkeys(("numbers", "refused", "accepted", "segments", "converted"), 0),
        "ended": [],
    }
    assert counted["until_at"] - counted["from_at"] == 7200
    assert shell.ask("message", "attempts", app, "13800000000") == []
    assert shell.refused("message", "count", "1") == "not_found"


def test_a_program_written_for_huawei_cloud_finds_what_it_names(shell: Shell) -> None:
    account = str(shell.ask("account", "create", "Moved Ltd")["id"])
    app = str(shell.ask("app", "create", "moved", "--account", account)["id"])
    signature = str(shell.ask("signature", "add", "鸿雁搬家", "--account", account, "--usage", "verification")["id"])
    shell.ask("signature", "approve", signature)
    assert shell.refused("access", "show", app) == "not_found"
    issued = shell.ask("access", "issue", app)
    assert shell.ask("access", "rotate", app)["access_secret"] != issued["access_secret"]
    kept = shell.ask("access", "keep", app, "c8RWg3ggEcyd4D3p94bf3Y7x1Ile", "q4Ii87BhST9vcs8wvrzN80SfD7Al")
    assert shell.ask("access", "show", app) == kept
    given = shell.ask("from-number", "list", "--app", app)
    assert {row["signature_id"] for row in given} == {int(signature), None}
    added = shell.ask("from-number", "add", "8823040504797", "--app", app, "--signature", signature, "--kind", "verification")
    assert added["kind"] == "verification"
    assert shell.ask("from-number", "remove", "8823040504797") == {"number": "8823040504797", "removed": True}
    template = shell.ask(
        "template", "add", "您的验证码是{1}", "--account", account, "--name", "code", "--kind", "verification", "--signature", signature
    )
    alias = "8ff55eac1d0b478ab3c06c3c6a492300"
    assert shell.ask("template", "name", str(template["id"]), alias)["alias"] == alias
    assert shell.ask("access", "remove", app) == {"app_id": int(app), "removed": True}
    assert shell.refused("message", "show", sms_msg_id(7)) == "not_found"


def test_what_is_not_named_of_a_credit_stays(shell: Shell) -> None:
    account = str(shell.ask("account", "create", "Later Ltd")["id"])
    made = shell.ask("credit", "set", account, "1000000", "--rhythm", "daily", "--daily", "3")
    assert (made["rhythm"], made["daily_most"]) == ("daily", 3)
    raised = shell.ask("credit", "set", account, "2000000")
    assert (raised["limit_milli"], raised["rhythm"], raised["daily_most"]) == (2_000_000, "daily", 3)
    assert shell.ask("credit", "set", account, "2000000", "--no-daily")["daily_most"] is None
