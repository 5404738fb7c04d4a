"""What an account has, found by what a list asks of it, with what stands beside each: for lists with filters, sorting and a total."""

from collections.abc import Mapping, Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.listing import AppsWanted, Cut, SignaturesWanted, TemplatesWanted
from hongyan.store import rows
from hongyan.store.from_numbers import kept_first
from hongyan.store.times import at, epoch


class AppListed(msgspec.Struct, frozen=True):
    """What stands beside an application."""

    id: int
    access_key: str | None
    stopped: bool
    """By the emergency stop."""
    from_number: str | None
    """Of messages abroad."""


class SignatureListed(msgspec.Struct, frozen=True):
    """What stands beside a signature."""

    id: int
    app_name: str | None
    access_key: str | None
    from_number: str | None
    urged_at: float | None


class TemplateListed(msgspec.Struct, frozen=True):
    """What stands beside a template."""

    id: int
    app_name: str | None
    access_key: str | None
    sign_waits: bool
    urged_at: float | None


ORDERS: Mapping[str, str] = {
    "created": "{of}.created_at",
    "changed": "coalesce({of}.decided_at, {of}.submitted_at, {of}.created_at)",
    "name": "{of}.name",
    "status": "{of}.status",
}
"""By which signatures and templates can be sorted; applications know no other times than their making, and are live or not."""
OF_APPS: Mapping[str, str] = {"created": "a.created_at", "changed": "a.created_at", "name": "a.name", "status": "a.enabled"}

# Mirrors model.papers.state_of; a test compares the two for everything there is.
STATE = """
case s.status
  when 'rejected' then 'review_not_pass'
  when 'inactive' then 'to_be_activated'
  when 'stopped' then 'to_be_activated'
  when 'approved' then case s.filing
    when 'processing' then case when s.sends_unfiled then 'review_passed_real_name_registrating' else 'processing' end
    when 'registering' then case when s.sends_unfiled then 'review_passed_real_name_registrating' else 'real_name_registrating' end
    when 'registered' then 'review_processing_completed'
    when 'failed' then 'review_passed_real_name_registrate_fail'
    else case when q.status not in ('approved', 'change_pending', 'change_rejected') then 'review_passed_qualification_processing'
              when q.status is null and s.scope = 0 then 'review_passed'
              else 'review_processing_completed' end
    end
  else case when q.status not in ('approved', 'change_pending', 'change_rejected') then 'pending_qualification_review'
            when s.activation then 'pending_activate'
            else 'pending_review' end
end
"""

APPS = """
  from apps a
  left join app_access x on x.app_id = a.id
  left join protections p on p.app_id = a.id
 where a.account_id = $1 and ($2::bigint is null or a.id = $2) and ($3::text is null or strpos(a.name, $3) > 0)
   and ($4::smallint is null or coalesce(a.scope, 0) = $4)
   and ($5::boolean is null or (a.enabled and p.stopped_at is null) = $5)
   and ($6::timestamptz is null or a.created_at >= $6) and ($7::timestamptz is null or a.created_at <= $7)
"""
SIGNATURES = f"""
  from signatures s
  left join apps a on a.id = s.app_id
  left join app_access x on x.app_id = s.app_id
  left join qualifications q on q.id = s.qualification_id and q.account_id = s.account_id
 where s.account_id = $1 and ($2::bigint is null or s.id = $2) and ($3::text is null or strpos(s.name, $3) > 0)
   and ($4::smallint is null or s.usage = $4) and ($5::smallint is null or s.scope = $5)
   and ($6::text is null or {STATE} = $6) and ($7::text is null or strpos(a.name, $7) > 0)
   and ($8::timestamptz is null or s.created_at >= $8) and ($9::timestamptz is null or s.created_at <= $9)
"""
TEMPLATES = """
  from templates t
  left join apps a on a.id = t.app_id
  left join app_access x on x.app_id = t.app_id
  left join signatures s on s.id = t.signature_id and s.account_id = t.account_id
 where t.account_id = $1 and (($2::bigint is null and $3::text is null) or t.id = $2 or t.alias = $3)
   and ($4::text is null or strpos(t.name, $4) > 0) and ($5::smallint is null or t.kind = $5)
   and ($6::smallint is null or t.scope = $6) and ($7::text is null or t.status = $7)
   and ($8::boolean is null or coalesce(s.status = 'pending', false) = $8)
   and ($9::boolean is null or (strpos(t.content, '{1}') > 0) = $9)
   and ($10::text is null or strpos(s.name, $10) > 0) and ($11::text is null or strpos(a.name, $11) > 0)
   and ($12::text is null or x.access_key = $12)
   and ($13::timestamptz is null or t.created_at >= $13) and ($14::timestamptz is null or t.created_at <= $14)
"""
FIRST_NUMBER = f"order by {kept_first('f.')} limit 1"
APP_COLUMNS = f"""
a.id, x.access_key, p.stopped_at is not null as stopped,
(select f.number from from_numbers f where f.app_id = a.id and f.signature_id is null {FIRST_NUMBER}) as from_number
"""
SIGNATURE_COLUMNS = f"""
s.id, a.name as app_name, x.access_key,
(select f.number from from_numbers f where f.signature_id = s.id and (s.app_id is null or f.app_id = s.app_id) {FIRST_NUMBER})
  as from_number,
(select {epoch("r.urged_at").removesuffix("as r.urged_at")} from reviews r where r.kind = 'signature' and r.subject_id = s.id
  order by r.id desc limit 1) as urged_at
"""
TEMPLATE_COLUMNS = f"""
t.id, a.name as app_name, x.access_key, coalesce(s.status = 'pending', false) as sign_waits,
(select {epoch("r.urged_at").removesuffix("as r.urged_at")} from reviews r where r.kind = 'template' and r.subject_id = t.id
  order by r.id desc limit 1) as urged_at
"""


async def apps(conn: Connection, account_id: int, wanted: AppsWanted, cut: Cut) -> tuple[list[AppListed], int]:
    """Some of the account's, and how many there are in all."""
    values = (
        account_id, wanted.id, wanted.name, _number(wanted.scope), wanted.live, *_times(wanted.since, wanted.until)
    )  # fmt: skip
    order = _sorted(OF_APPS[cut.order], "a", cut)
    found = await conn.fetch(f"select {APP_COLUMNS} {APPS} {order} limit $8 offset $9", *values, cut.most, cut.offset)
    return rows.many(found, AppListed), int(await conn.fetchval(f"select count(*) {APPS}", *values))


async def signatures(conn: Connection, account_id: int, wanted: SignaturesWanted, cut: Cut) -> tuple[list[SignatureListed], int]:
    """As `apps`."""
    values = (
        account_id, wanted.id, wanted.name, _number(wanted.usage), _number(wanted.scope),
        None if wanted.state is None else wanted.state.value, wanted.app_name, *_times(wanted.since, wanted.until),
    )  # fmt: skip
    order = _sorted(ORDERS[cut.order].format(of="s"), "s", cut)
    found = await conn.fetch(f"select {SIGNATURE_COLUMNS} {SIGNATURES} {order} limit $10 offset $11", *values, cut.most, cut.offset)
    return rows.many(found, SignatureListed), int(await conn.fetchval(f"select count(*) {SIGNATURES}", *values))


async def templates(conn: Connection, account_id: int, wanted: TemplatesWanted, cut: Cut) -> tuple[list[TemplateListed], int]:
    """As `apps`."""
    values = (
        account_id, wanted.id, wanted.alias, wanted.name, _number(wanted.kind), _number(wanted.scope),
        None if wanted.status is None else wanted.status.value, wanted.sign_waits, wanted.has_values, wanted.sign_name, wanted.app_name,
        wanted.access_key, *_times(wanted.since, wanted.until),
    )  # fmt: skip
    order = _sorted(ORDERS[cut.order].format(of="t"), "t", cut)
    found = await conn.fetch(f"select {TEMPLATE_COLUMNS} {TEMPLATES} {order} limit $15 offset $16", *values, cut.most, cut.offset)
    return rows.many(found, TemplateListed), int(await conn.fetchval(f"select count(*) {TEMPLATES}", *values))


def _sorted(column: str, of: str, cut: Cut) -> str:
    way = "desc" if cut.descending else "asc"
    return f"order by {column} {way}, {of}.id {way}"


def _number(value: int | None) -> int | None:
    return None if value is None else int(value)


def _times(*moments: float | None) -> Sequence[object]:
    return [None if moment is None else at(moment) for moment in moments]
