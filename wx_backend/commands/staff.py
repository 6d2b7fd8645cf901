"""`wx-backend staff` and `wx-backend audit`: who may sit at the desk, and whether its book is whole."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from handlers.people import words
from models import audit as book
from models.errors import Refused
from models.ordering.reminding import remind_who
from models.people import accounts, passwords
from models.people.accounts import StaffAccount
from models.people.persons import Person
from models.people.staff import ROLES, Organisation, StaffRole, end_role, is_cadre, roles_of
from models.places.areas import Area
from models.tasks.taking import leave, work_again
from wx_backend.commands.settings import settings
from wx_backend.database import make_engine, session_factory
from wx_backend.hands import make_clock


@dataclass(frozen=True)
class Office:
    """What an operator works with: the database and the time."""

    session: Session
    now: datetime


@click.group()
def staff() -> None:
    """服务台的工作人员：开账号、重置密码、停用和恢复岗位。"""


FROM_STDIN = click.option("--stdin", "from_stdin", is_flag=True, help="从标准输入读密码，不自动生成")


@staff.command()
@click.argument("username", metavar="用户名")
@click.option("--person", "code", required=True, metavar="编号", help="干部在县名册里的编号，例如 P-LZ")
@FROM_STDIN
@click.pass_obj
def add(named: str | None, username: str, code: str, from_stdin: bool) -> None:
    """给一位干部开账号。密码只显示这一次，第一次登录要换。"""
    password = _password(from_stdin)

    def make(office: Office) -> None:
        person = _person(office.session, code)
        account = accounts.add(
            office.session, username=username, person=person, password=password, must_change=True, now=office.now
        )  # fmt: skip
        book.write(office.session, verb="account_added", subject=account.subject, now=office.now)
        _tell(f"已给{person.name}开账号 {account.username}", password, shown=not from_stdin)

    _in_office(named, make)


@staff.command()
@click.argument("username", metavar="用户名")
@FROM_STDIN
@click.pass_obj
def reset(named: str | None, username: str, from_stdin: bool) -> None:
    """换一个新密码，解开锁定；正在登录的地方都退出。"""
    password = _password(from_stdin)

    def renew(office: Office) -> None:
        account = _account(office.session, username)
        accounts.set_password(office.session, account, password, must_change=True, now=office.now)
        book.write(office.session, verb="account_reset", subject=account.subject, now=office.now)
        _tell(f"已重置 {account.username} 的密码", password, shown=not from_stdin)

    _in_office(named, renew)


@staff.command()
@click.argument("whom", metavar="用户名或编号")
@click.option("--role", type=click.Choice(ROLES), help="只停用这一种岗位；不写就是全部")
@click.pass_obj
def end(named: str | None, whom: str, role: str | None) -> None:
    """停用一位工作人员的岗位：看不到居民，退出服务台，手上的任务回到大家的清单。"""

    def stop(office: Office) -> None:
        person = _whom(office.session, whom)
        ending = [one for one in roles_of(office.session, person.id) if role in (None, one.role)]
        if not ending:
            raise click.ClickException(f"{person.name}现在没有这样的岗位。")
        for one in ending:
            end_role(office.session, one, office.now)
            book.write(office.session, verb="role_ended", subject=f"role:{one.id}", now=office.now)
            area = office.session.get(Area, one.area_id) if one.area_id else None
            click.echo(
                f"已停用{person.name}的岗位：{words.ROLE_NAMES[one.role]}" + (f"（{area.name}）" if area else "")
            )
        remind_who(office.session, office.now, person.id)  # of visits for an organisation that they have left: no more
        if left := leave(office.session, person.id, office.now):
            click.echo(f"手上的{left}件任务已退回大家的清单。")
        if not is_cadre(office.session, person.id):
            click.echo("服务台已退出，不能再登录。")

    _in_office(named, stop)


@staff.command()
@click.argument("whom", metavar="用户名或编号")
@click.option("--role", type=click.Choice(ROLES), help="恢复哪一种岗位")
@click.option("--place", metavar="编码", help="恢复在哪个区域或组织的岗位")
@click.pass_obj
def begin(named: str | None, whom: str, role: str | None, place: str | None) -> None:
    """恢复一位工作人员停用了的岗位，一次一个：又看得到那里的居民，又能登录服务台。"""

    def restart(office: Office) -> None:
        person = _whom(office.session, whom)
        ended = [
            (one, there) for one, there in _ended(office.session, person.id)
            if role in (None, one.role) and place in (None, there.code)
        ]  # fmt: skip
        if not ended:
            raise click.ClickException(f"{person.name}没有这样停用了的岗位。")
        if len(ended) > 1:
            lines = (
                f"--role {one.role} --place {there.code}（{words.ROLE_NAMES[one.role]}，{there.name}）"
                for one, there in ended
            )
            raise click.ClickException("停用了的岗位不止一个，请写明恢复哪一个：\n" + "\n".join(lines))
        one, there = ended[0]
        again = StaffRole(
            person_id=person.id, role=one.role, area_id=one.area_id, organisation_id=one.organisation_id,
            since=office.now,
        )  # fmt: skip
        office.session.add(again)
        office.session.flush()
        book.write(office.session, verb="role_begun", subject=f"role:{again.id}", now=office.now)
        remind_who(office.session, office.now, person.id)  # of visits for which they are named still
        work_again(office.session, person.id, office.now)
        click.echo(f"已恢复{person.name}的岗位：{words.ROLE_NAMES[one.role]}（{there.name}）")

    _in_office(named, restart)


def _ended(session: Session, person_id: int) -> list[tuple[StaffRole, Area | Organisation]]:
    """What a person held once and does not hold now, each role once, with its place."""
    rows = session.scalars(select(StaffRole).where(StaffRole.person_id == person_id).order_by(StaffRole.id)).all()
    live = {(one.role, one.area_id, one.organisation_id) for one in rows if one.ended_at is None}
    held = {(one.role, one.area_id, one.organisation_id): one for one in rows}
    return [(one, _place(session, one)) for key, one in held.items() if key not in live]


def _place(session: Session, role: StaffRole) -> Area | Organisation:
    if role.area_id is not None:
        return session.get_one(Area, role.area_id)
    return session.get_one(Organisation, role.organisation_id)


@click.group()
def audit() -> None:
    """服务台的操作日志。"""


@audit.command()
@click.option("--noted", default="", metavar="末条指纹", help="上次记下的末条指纹，看它还在不在")
@click.pass_obj
def verify(named: str | None, noted: str) -> None:
    """从头读一遍，看有没有被改过、删过；末条指纹请抄在别处，下次核对。"""

    def read(office: Office) -> None:
        found = book.verify(office.session, noted)
        click.echo(f"共 {found.count} 条，末条指纹 {found.seal}")
        faults = [words.AUDIT_FAULTS[why].format(seq=seq) for seq, why in found.faults]
        if not found.noted:
            faults.append(words.AUDIT_FAULTS["noted"])
        if faults:
            raise click.ClickException("\n".join(faults))
        click.echo("完整，没有改动。")

    _in_office(named, read)


def _in_office(named: str | None, work: Callable[[Office], None]) -> None:
    """Do it in one transaction; what is refused is said in one line and changes nothing."""
    config = settings(named)
    engine = make_engine(config.database.url)
    try:
        with session_factory(engine)() as session, session.begin():
            work(Office(session, make_clock(config)()))
    except Refused as refusal:
        raise click.ClickException(words.REFUSALS[refusal.code].format(**refusal.facts)) from refusal
    finally:
        engine.dispose()


def _password(from_stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else passwords.made_up()


def _tell(done: str, password: str, *, shown: bool) -> None:
    click.echo(f"{done}，密码：{password}（只显示这一次，第一次登录要换）" if shown else f"{done}。")


def _person(session: Session, code: str) -> Person:
    person = session.scalar(select(Person).where(Person.code == code))
    if person is None:
        raise click.ClickException(f"名册里没有编号“{code}”，请核对。")
    return person


def _whom(session: Session, whom: str) -> Person:
    """The person with this account, else with this code in the county's list."""
    account = accounts.account_named(session, whom)
    return session.get_one(Person, account.person_id) if account else _person(session, whom)


def _account(session: Session, username: str) -> StaffAccount:
    account = accounts.account_named(session, username)
    if account is None:
        raise click.ClickException(f"没有账号“{username}”，请核对。")
    return account
