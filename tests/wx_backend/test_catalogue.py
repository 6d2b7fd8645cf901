"""The catalogue outside the conversation: the sheet with its codes, the article, the workbook there and back."""

import io
import re
import shutil
import sqlite3
import zipfile
from contextlib import closing
from datetime import date, time
from pathlib import Path

import pytest
from click.testing import CliRunner
from openpyxl import Workbook, load_workbook
from sqlalchemy import delete, func, select

from models.loaded import LoadedRow
from models.messages.letters import Letter
from models.ordering.catalogue import publish, retire
from models.ordering.listings import TERMS, CentreTerms, Listing, providers_of
from models.ordering.publications import Publication, PublishedItem
from models.ordering.review import decide, submit
from models.ordering.versions import ListingVersion, edit
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import StaffRole
from models.places.areas import Area
from models.places.centres import ServiceCentre
from tests.world import NOW, disposing
from wx_backend.cli import main
from wx_backend.config import EXAMPLE, load_config
from wx_backend.database import make_engine, session_factory
from wx_backend.demo.cast import COUNTY, accounts, templates
from wx_backend.load import NotLoaded, cells, load_county
from wx_backend.load.export import catalogue
from wx_backend.load.rows import BadRow
from wx_backend.printing import fonts
from wx_backend.printing import pen as pen_room
from wx_backend.printing.fonts import NoFont, faces
from wx_backend.printing.pen import Pen
from wx_backend.printing.sheet import PAPERS, SCALES, Entry, Layout, Notice, laid_out
from wx_backend.sandbox.server import create_sandbox, start_in_thread

CONFIG = load_config(EXAMPLE, {})
ALONE = "http://127.0.0.1:9"


def run(*words, **environ):
    return CliRunner().invoke(main, ["--config", str(EXAMPLE), *words], env=environ, catch_exceptions=False)


@pytest.fixture(scope="module")
def chinese():
    """The machine's Chinese font."""
    try:
        return faces("", "")
    except NoFont as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def pen(chinese):
    """A pen that only measures."""
    made = Pen((210, 297), *chinese, "", NOW)
    yield made
    made.close()


@pytest.fixture(scope="module")
def county_file(tmp_path_factory):
    """The demo county in a file, to be copied."""
    file = tmp_path_factory.mktemp("county") / "county.db"
    environ = {"WX_BACKEND_DATABASE__URL": f"sqlite:///{file}"}
    run("db", "upgrade", **environ)
    run("load", str(COUNTY), **environ)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # into the one file that is copied
    return file


@pytest.fixture
def county(county_file, tmp_path):
    """The demo county in a file of its own."""
    own = shutil.copy(county_file, tmp_path)
    return {"WX_BACKEND_DATABASE__URL": f"sqlite:///{own}", "WX_BACKEND_WECHAT__API_BASE_URL": ALONE}


@pytest.fixture
def far():
    """An account that makes codes."""
    running = start_in_thread(create_sandbox(accounts(CONFIG, ALONE), [], templates(CONFIG)))
    yield running
    running.stop()


@pytest.fixture
def opened(county):
    with disposing(make_engine(county["WX_BACKEND_DATABASE__URL"])) as engine:
        yield session_factory(engine)


def one(session, table, **keys):
    return session.scalars(select(table).filter_by(**keys)).one()


def who(session, code):
    person = one(session, Person, code=code)
    return Who(person.id, 0, person.name, "Asia/Shanghai", "wx", "o")


# The sheet


@pytest.mark.case("A8")
def test_a_sheet_is_printed_with_a_lasting_code_for_each_service_and_again_without_new_ones(
    county, far, opened, chinese, tmp_path
):
    environ, out = {**county, "WX_BACKEND_WECHAT__API_BASE_URL": far.url}, tmp_path / "sheet.pdf"
    for paper, pages in (("a4", 2), ("a3", 1)):
        result = run("sheet", "C-GS", "--format", paper, "--out", str(out), **environ)
        assert result.exit_code == 0, result.output
        assert "第1版，8项服务" in result.output
        assert out.read_bytes().startswith(b"%PDF-")
        assert len(re.findall(rb"/Type /Page\b", out.read_bytes())) == pages
    codes = list(far.world.qr_codes.values())
    assert len(codes) == 7  # the emergency is rung for
    assert all(code.until is None and re.fullmatch(r"sheet/\d+/\d+", code.scene) for code in codes)
    with opened() as session:
        held = session.scalars(select(PublishedItem.code).join(Publication).where(Publication.channel == "sheet"))
        assert sorted(held) == sorted(["", *(code.url for code in codes)])


@pytest.mark.case("A8")
def test_a_change_makes_a_new_edition(county, far, opened, chinese, tmp_path):
    environ, out = {**county, "WX_BACKEND_WECHAT__API_BASE_URL": far.url}, tmp_path / "sheet.pdf"
    run("sheet", "C-FY", "--out", str(out), **environ)
    with opened() as session, session.begin():
        retire(session, who(session, "P-WZ"), one(session, Listing, code="L-FY-2").id, "", NOW)
    assert "第2版，2项服务" in run("sheet", "C-FY", "--out", str(out), **environ).output


def test_a_sheet_that_cannot_be_is_one_line(county, chinese, tmp_path):
    out = str(tmp_path / "sheet.pdf")
    for words, said in (
        (("C-GS",), "the account does not answer"),
        (("C-NO",), "没有编码为“C-NO”的中心"),
    ):
        result = run("sheet", *words, "--out", out, **county)
        assert (result.exit_code, "Traceback" in result.output) == (1, False)
        assert said in result.output
    result = run("sheet", "C-GS", "--out", out, **county, WX_BACKEND_PRINT__FONT="nowhere.ttf")
    assert "print.font: nowhere.ttf is not there" in result.output
    assert not Path(out).exists()


def test_without_a_chinese_font_it_says_what_to_do(monkeypatch, chinese):
    monkeypatch.setattr(fonts.shutil, "which", lambda _: None)
    with pytest.raises(NoFont, match=r"name a Chinese font file in print\.font"):
        faces("", "")
    with pytest.raises(NoFont, match="cannot be used"):
        Pen((210, 297), fonts.Face(COUNTY), fonts.Face(COUNTY), "", NOW)
    monkeypatch.setattr(pen_room, "PROBE", "\U00013000")  # no Chinese font has a hieroglyph
    with pytest.raises(NoFont, match="no Chinese characters"):
        Pen((210, 297), *chinese, "", NOW)


def notice(*entries):
    return Notice("葛山村党群服务中心", "葛山村", "0578-5550101", "服务清单", ("扫码。",), "扫码点单", "打电话点单",
                  "马上打", "第1版", entries, NOW)  # fmt: skip


def entry(n, title="爱心送餐", summary="中午送到家"):
    facts = (("谁可以点", "60岁及以上"), ("请您带好", "身份证、社保卡、病历和正在吃的药"))
    return Entry("助餐", title, summary, facts, f"http://weixin.qq.com/q/{n}")


def test_large_print_stays_large_and_everything_stands_inside_the_page(pen):
    assert all(paper.title * SCALES[-1] >= 24 and paper.code * SCALES[-1] >= 25 for paper in PAPERS.values())
    many = notice(*(entry(n, "名" * (n % 20 + 1), "说明" * (n % 30)) for n in range(60)))
    for paper in PAPERS.values():
        for scale in (SCALES[0], SCALES[-1]):
            layout = Layout(many, paper.at(scale, paper.columns), pen)
            pages = layout.pages()
            assert sum(len(column) for page in pages for column in page) == 60
            for number, page in enumerate(pages):
                room = layout.bottom - layout._head_height(first=number == 0)
                heights = [sum(block.height for block in column) for column in page if len(column) > 1]
                assert all(height <= room for height in heights)


def test_few_services_stand_large_and_many_keep_their_titles_whole(pen):
    few, _ = laid_out(notice(*(entry(n) for n in range(2))), PAPERS["a4"], pen)
    many, pages = laid_out(notice(*(entry(n, "送戏下乡点播") for n in range(8))), PAPERS["a3"], pen)
    assert few.paper.title > 40
    assert (len(pages), many.broken_titles(), many.paper.columns) == (1, 0, 2)
    assert many.paper.title >= 27


def test_lines_break_as_chinese_does(pen):
    text = "身份证、社保卡（原件），病历和“正在吃的药”，都请带来。" * 4
    for width in range(30, 90, 3):
        lines = pen.lines(text, 17, width)
        assert "".join(lines) == text
        assert not any(line[0] in "，。、）”" for line in lines)
        assert not any(line[-1] in "（“" for line in lines)


# The article


def test_an_article_says_the_list_in_plain_words(county, opened, tmp_path):
    text = run("article", "C-GS", **county).output
    for said in ("葛山村党群服务中心服务清单", "【助餐】", "■ 爱心送餐：中午送到家，免费", "请您带好：身份证",
                 "0578-5550101", "什么时候：周二、周五"):  # fmt: skip
        assert said in text
    out = tmp_path / "article.txt"
    run("article", "C-GS", "--out", str(out), **county)
    assert out.read_text(encoding="utf-8") == text
    with opened() as session:
        assert one(session, Publication, channel="article").edition == 1


# The workbook


def book(**sheets):
    made = Workbook()
    made.remove(made.active)
    for name, lines in sheets.items():
        page = made.create_sheet(name)
        for line in lines:
            page.append(line)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def load(session, tmp_path, content, author=None):
    path = tmp_path / "catalogue.xlsx"
    path.write_bytes(content)
    return load_county(session, path, app_id="wx-test", now=NOW, author=author)


def loaded(session):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    return session.scalars(select(Area).where(Area.code == "331100")).one()


def test_what_is_exported_and_read_again_changes_nothing(session, tmp_path):
    whole = catalogue(session, loaded(session))
    before = session.scalar(select(func.count()).select_from(ListingVersion))
    assert load(session, tmp_path, whole) == {}
    assert session.scalar(select(func.count()).select_from(ListingVersion)) == before


def all_terms(session):
    return {row.code: {name: getattr(row, name) for name in TERMS} for row in session.scalars(select(Listing))}


def test_what_is_exported_from_one_county_makes_the_same_catalogue_in_another(session, tmp_path):
    area = loaded(session)
    hard = one(session, Listing, code="L-GS-3")
    hard.questions = [{"code": "q", "datatype": "text", "description": "几点:到/哪里|要什么？", "required": False}]
    hard.rules = [{"code": "x", "kind": "village", "effect": "warn", "areas": ["331127205"]}]
    hard.title, hard.valid_from, hard.cutoff_at, hard.capacity = "=1+1", date(2026, 11, 1), time(16, 30), 0
    session.flush()
    before = all_terms(session)
    own = {(r.centre_id, r.listing_id, r.weekdays, r.opens, r.capacity) for r in session.scalars(select(CentreTerms))}
    whole = catalogue(session, area)
    for row in session.scalars(select(Listing)):
        row.title, row.rules, row.questions, row.cutoff_at, row.bring = "别的", [], [], None, "别的"
    for row in session.scalars(select(CentreTerms)):
        row.weekdays, row.opens, row.closes, row.capacity = "", None, None, None
    session.execute(delete(LoadedRow))  # nor has the other one heard anything yet
    session.flush()
    load(session, tmp_path, whole)
    assert {
        row.code: {name: getattr(row, name) for name in TERMS} for row in session.scalars(select(Listing))
    } == before
    rows = session.scalars(select(CentreTerms))
    assert {(r.centre_id, r.listing_id, r.weekdays, r.opens, r.capacity) for r in rows} == own


def test_an_export_opens_with_headings_people_read_and_no_formula(session):
    area = loaded(session)
    one(session, Listing, code="L-GS-1").summary = "=HYPERLINK(0)"
    session.flush()
    page = load_workbook(io.BytesIO(catalogue(session, area)))["listings"]
    assert [cell.value for cell in page[1]][:4] == ["编码 code", "中心 centre", "承接组织 providers", "名称 title"]
    assert "助餐" in {cell.value for row in page for cell in row}
    assert "f" not in {cell.data_type for row in page for cell in row}


def test_an_export_holds_only_what_lies_below_its_area(session):
    loaded(session)
    area = session.scalars(select(Area).where(Area.code == "331102")).one()
    page = load_workbook(io.BytesIO(catalogue(session, area)))["listings"]
    assert {row[1].value for row in page.iter_rows(min_row=2)} == {"C-FY"}


HEAD = ["编码 code", "中心 centre", "承接组织 providers", "名称 title", "类别 category", "方式 mode"]
GOOD = ["L-X-1", "C-GS", "O-LX", "磨刀", "助洁", "到中心"]


@pytest.mark.parametrize(
    ("extra", "values", "place", "reason"),
    [
        ([], ["L-X-2", "C-GS", "O-LX", "", "助洁", "到中心"], "listings!D3", "title: 不能为空"),
        ([], ["L-X-2", "C-GS", "O-LX", "长" * 21, "助洁", "到中心"], "listings!D3", "最多20个字（现在21个）"),
        ([], ["L-X-2", "C-GS", "O-LX", "磨刀", "飞行", "到中心"], "listings!E3", "“飞行”不在可选值里"),
        ([], ["L-X-2", "C-99", "O-LX", "磨刀", "助洁", "到中心"], "listings!B3", "没有编码为“C-99”"),
        ([], ["L-X-2", "C-GS", "O-LX/O-99", "磨刀", "助洁", "到中心"], "listings!C3", "没有编码为“O-99”"),
        (["谁可以点 rules"], [*GOOD, "age:block:老"], "listings!G3", "应写成 60-"),
        (["谁可以点 rules"], [*GOOD, "age:often:60-"], "listings!G3", "这一条看不懂"),
        (["要问的 questions"], [*GOOD, "a:singlevaluelist:问？:一/一"], "listings!G3", "问题写得不完整"),
        (["截止几点 cutoff_at"], [*GOOD, "四点"], "listings!G3", "应写成 08:30"),
        (["提前几个工作日 cutoff_days"], [*GOOD, 1], "listings!3", "“截止几点”填得不对"),
        (["名额按 capacity_per", "名额 capacity"], [*GOOD, "每个时段", 3], "listings!3", "“时长（分钟）”填得不对"),
        (["从哪天 valid_from", "到哪天 valid_to"], [*GOOD, date(2026, 12, 2), date(2026, 12, 1)], "listings!H3",
         "“到哪天”填得不对"),
    ],
)  # fmt: skip
def test_a_bad_row_of_a_workbook_is_named_by_cell_and_nothing_is_half_imported(
    open_session, tmp_path, extra, values, place, reason
):
    with open_session() as session, session.begin():
        loaded(session)
    with open_session() as session, pytest.raises(NotLoaded) as refused, session.begin():
        load(session, tmp_path, book(listings=[[*HEAD, *extra], GOOD, values]))
    (fault,) = refused.value.faults
    assert fault.startswith(f"catalogue.xlsx:{place}: [listings] ")
    assert reason in fault
    with open_session() as session:
        assert session.scalar(select(func.count()).where(Listing.code.like("L-X-%"))) == 0


def test_what_a_spreadsheet_makes_of_numbers_days_and_times_is_understood(session, tmp_path):
    loaded(session)
    extra = ["名额 capacity", "截止几点 cutoff_at", "从哪天 valid_from", "电话 phone"]
    load(
        session, tmp_path, book(listings=[[*HEAD, *extra], [*GOOD, 30.0, time(16), date(2026, 12, 1), "0578-5550199"]])
    )
    made = one(session, Listing, code="L-X-1")
    assert (made.capacity, made.cutoff_at, made.valid_from, made.phone) == (
        30, time(16), date(2026, 12, 1), "0578-5550199",
    )  # fmt: skip
    assert (made.category, made.mode, made.state) == ("cleaning", "at_centre", "published")


def test_a_note_sheet_is_left_alone_and_an_unknown_column_is_named(session, tmp_path):
    loaded(session)
    assert load(session, tmp_path, book(说明=[["随便写"]], listings=[HEAD, GOOD]))["listings"] == 1
    with pytest.raises(NotLoaded, match="没有叫“colour”的列"):
        load(session, tmp_path, book(listings=[[*HEAD, "颜色 colour"], [*GOOD, "红"]]))
    with pytest.raises(NotLoaded, match="没有认得的工作表"):
        load(session, tmp_path, book(说明=[["随便写"]]))


def test_what_is_no_workbook_or_swells_is_refused_in_one_line(session, tmp_path):
    swollen = io.BytesIO()
    with zipfile.ZipFile(swollen, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * (21 * 1024 * 1024))
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("a.txt", "a")
    for content in (b"code,centre\n", swollen.getvalue(), empty.getvalue()):
        with pytest.raises(NotLoaded) as refused:
            load(session, tmp_path, content)
        assert len(refused.value.faults) == 1
        assert "另存" in refused.value.faults[0]


@pytest.mark.case("A1", "A2")
def test_a_list_imported_by_a_cadre_goes_to_review_and_changes_nothing_before(session, tmp_path):
    loaded(session)
    clerk = Person(name="县审核员", created_at=NOW)
    session.add(clerk)
    session.flush()
    county = session.scalars(select(Area.id).where(Area.code == "331127")).one()
    session.add(StaffRole(person_id=clerk.id, role="county_admin", area_id=county, since=NOW))
    session.flush()
    author, reviewer = who(session, "P-CG"), Who(clerk.id, 0, clerk.name, "Asia/Shanghai", "wx", "o")
    lines = [HEAD, GOOD, ["L-GS-2", "C-GS", "O-JY/O-LX", "上门剪发", "助洁", "上门"]]
    for _ in range(2):  # what is with a reviewer is not handed in twice
        try:
            load(session, tmp_path, book(listings=lines), author)
        except NotLoaded as refused:
            assert all("正在审核" in fault for fault in refused.faults)
    assert one(session, Listing, code="L-X-1").state == "draft"
    assert one(session, Listing, code="L-GS-2").title == "上门理发"
    versions = session.scalars(select(ListingVersion).where(ListingVersion.state == "submitted")).all()
    assert len(versions) == 2
    for version in versions:
        decide(session, reviewer, version.id, "approve", "", NOW)
        publish(session, author, version.id, NOW)
    assert one(session, Listing, code="L-GS-2").title == "上门剪发"
    assert session.scalar(select(func.count()).where(Letter.kind == "catalogue.approved")) == 2


def test_a_cadre_imports_for_no_foreign_centre(session, tmp_path):
    loaded(session)
    foreign = ["L-X-9", "C-FY", "O-JY", "磨刀", "助洁", "到中心"]
    own = [["listing", "centre", "active"], ["L-FY-2", "C-FY", "no"]]
    for content in (book(listings=[HEAD, foreign]), book(centre_terms=own)):
        with pytest.raises(NotLoaded, match="不能为这个中心写清单"):
            load(session, tmp_path, content, who(session, "P-CG"))


def test_in_ones_own_name_one_brings_services_and_nothing_else(session, tmp_path):
    loaded(session)
    staff = [["person", "role", "area", "organisation"], ["P-CG", "county_admin", "331127", ""]]
    with pytest.raises(NotLoaded, match="没有认得的工作表"):
        load(session, tmp_path, book(staff=staff), who(session, "P-CG"))
    assert session.scalar(select(func.count()).where(StaffRole.role == "county_admin")) == 0


def test_a_reload_of_the_countys_file_leaves_what_is_under_review_to_the_reviewer(session, tmp_path):
    loaded(session)
    listing = one(session, Listing, code="L-GS-2")
    version = edit(session, who(session, "P-LZ"), listing.id, {"price": "5元"}, now=NOW)
    submit(session, who(session, "P-LZ"), version.id, NOW)
    assert load_county(session, COUNTY, app_id="wx-test", now=NOW) == {}
    assert (version.state, listing.price) == ("submitted", "")
    text = COUNTY.read_text(encoding="utf-8").replace("师傅到家剪发", "老师傅到家剪发")
    (tmp_path / "c.csv").write_text(text, encoding="utf-8")
    with pytest.raises(NotLoaded, match="正在审核"):
        load_county(session, tmp_path / "c.csv", app_id="wx-test", now=NOW)


def test_a_centres_own_terms_are_read_and_bad_ones_named(session, tmp_path):
    loaded(session)
    head = ["listing", "centre", "weekdays", "opens", "closes"]
    for values, reason in (
        (["L-GS-1", "C-GS", "28", "", ""], "weekdays"),
        (["L-GS-1", "C-GS", "", "09:00", ""], "closes"),
        (["L-GS-1", "C-GS", "", "11:00", "09:00"], "closes"),
        (["L-NO", "C-GS", "", "", ""], "listing"),
    ):
        with pytest.raises(NotLoaded) as refused:
            load(session, tmp_path, book(centre_terms=[head, values]))
        assert f": [centre_terms] {reason}" in refused.value.faults[0]
    load(session, tmp_path, book(centre_terms=[head, ["L-GS-1", "C-LC", "52", time(9), time(11)]]))
    centre = one(session, ServiceCentre, code="C-LC")
    own = session.get_one(CentreTerms, (centre.id, one(session, Listing, code="L-GS-1").id))
    assert (own.weekdays, own.opens, own.closes) == ("25", time(9), time(11))


@pytest.mark.parametrize("text", ["[1]", "[", '["a"]'])
def test_json_in_a_cell_must_be_what_an_export_writes(text):
    for read in (cells.questions, cells.rules):
        with pytest.raises(BadRow, match="JSON"):
            read(text)


def test_rules_and_questions_say_the_same_in_their_cell_and_out_of_it():
    rules = cells.rules("age:block:60-80|age:warn:-90|village:warn:1/2|hardship:block:disabled")
    assert [rule["code"] for rule in rules] == ["age", "age2", "village", "hardship"]
    assert cells.rules(cells.rules_cell(rules)) == rules
    asked = cells.questions("n*:number:几份？|t?:text:要说什么？|v:singlevaluelist:哪个？:甲/乙")
    assert [question.get("places", False) for question in asked] == [True, False, False]
    assert cells.questions_cell(asked) == "n*:number:几份？|t?:text:要说什么？|v:singlevaluelist:哪个？:甲/乙"


def test_the_command_line_writes_a_workbook_and_reads_it_again(county, opened, tmp_path):
    out = tmp_path / "all.xlsx"
    assert run("export", "331100", "--out", str(out), **county).exit_code == 0
    assert "没有新内容" in run("load", str(out), **county).output
    assert "没有编码为“P-NO”的人" in run("load", str(out), "--author", "P-NO", **county).output
    assert "没有编码为“9”的区域" in run("export", "9", "--out", str(out), **county).output
    with opened() as session:
        assert len(providers_of(session, one(session, Listing, code="L-GS-1").id)) == 2
