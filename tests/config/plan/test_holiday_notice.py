"""The State Council's notices of real years against the calendar that is shipped."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.plan import load_calendar
from config.plan.holiday_notice import read_notice
from config.plan.school_calendar import Holiday

# The paragraphs that name days; that of 2026 as Xinhua printed it on 4 November 2025.
NOTICES = {
    2025: """
一、元旦：1月1日（周三）放假1天，不调休。
二、春节：1月28日（农历除夕、周二）至2月4日（农历正月初七、周二）放假调休，共8天。1月26日（周日）、2月8日（周六）上班。
三、清明节：4月4日（周五）至6日（周日）放假，共3天。
四、劳动节：5月1日（周四）至5日（周一）放假调休，共5天。4月27日（周日）上班。
五、端午节：5月31日（周六）至6月2日（周一）放假，共3天。
六、国庆节、中秋节：10月1日（周三）至8日（周三）放假调休，共8天。9月28日（周日）、10月11日（周六）上班。
""",
    2026: """
一、元旦：1月1日（周四）至3日（周六）放假调休，共3天。1月4日（周日）上班。
二、春节：2月15日（农历腊月二十八、周日）至23日（农历正月初七、周一）放假调休，共9天。2月14日（周六）、2月28日（周六）上班。
三、清明节：4月4日（周六）至6日（周一）放假，共3天。
四、劳动节：5月1日（周五）至5日（周二）放假调休，共5天。5月9日（周六）上班。
五、端午节：6月19日（周五）至21日（周日）放假，共3天。
六、中秋节：9月25日（周五）至27日（周日）放假，共3天。
七、国庆节：10月1日（周四）至7日（周三）放假调休，共7天。9月20日（周日）、10月10日（周六）上班。
节假日期间，各地区、各部门要妥善安排好值班和安全、保卫等工作。
""",
}


@pytest.mark.parametrize("year", NOTICES)
def test_a_notice_gives_the_days_of_the_shipped_calendar(year: int) -> None:
    found = read_notice(NOTICES[year], year)
    shipped = load_calendar().entered_year(year)
    assert [one.day for one in found.holidays] == [one.day for one in shipped.holidays]
    assert found.make_up_days == shipped.make_up_days
    assert found.unread == ()


def test_what_is_not_understood_is_given_back() -> None:
    words = (
        "春节：2月6日至8日放假。鼓励职工在2月5日休息。\n元旦：2026年12月31日至2027年1月1日放假。"
    )
    found = read_notice(words, 2027)
    assert found.holidays == (
        Holiday(date(2027, 1, 1), "元旦"),
        *(Holiday(date(2027, 2, day), "春节") for day in (6, 7, 8)),
    )
    assert found.unread == ("鼓励职工在2月5日休息", "2026-12-31")


@pytest.mark.parametrize(
    "words", ["春节：2月30日放假。", "春节：2月9日至3日放假。", "某节：5日放假。"]
)
def test_an_impossible_day_is_no_holiday(words: str) -> None:
    found = read_notice(words, 2027)
    assert found.holidays == ()
    assert len(found.unread) == 1


@given(st.text(alphabet="一、：:（）月日至放假上班。2027315\n元旦", max_size=60))
def test_no_text_breaks_the_reader(words: str) -> None:
    found = read_notice(words, 2027)
    assert all(one.day.year == 2027 for one in found.holidays)
    assert all(day.year == 2027 for day in found.make_up_days)
