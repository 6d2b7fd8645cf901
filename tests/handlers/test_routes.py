"""The rooms as they are joined: every event, keyword and menu item leads somewhere."""

import pytest

from handlers import menu
from handlers.menu import FIRST
from wx_backend.app import make_router

# wechat.md's list of what the platform may push, in lower case.
EVENTS = """subscribe unsubscribe scan location click view view_miniprogram scancode_push scancode_waitmsg pic_sysphoto
pic_photo_or_album pic_weixin location_select masssendjobfinish templatesendjobfinish subscribe_msg_popup_event
subscribe_msg_change_event subscribe_msg_sent_event user_info_modified user_authorization_revoke
user_authorization_cancellation user_enter_tempsession wxa_media_check qualification_verify_success
qualification_verify_fail naming_verify_success naming_verify_fail annual_renew verify_expired kf_create_session
kf_close_session kf_switch_session""".split()  # noqa: SIM905 - a list of 32 lines says no more


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_of_the_protocol_has_a_room_or_is_known_to_need_nothing(event):
    router = make_router()
    assert (event in router.events) != (event in router.nothing)


def test_menu_keywords_and_first_choices_lead_to_rooms_that_exist():
    router = make_router()
    linked = [choice.address for door in menu.MENU for choice in door.items] + [choice.address for choice in FIRST]
    for address in [*linked, *router.keywords.values(), "menu", "person"]:
        # An address that begins with a slash is a page.
        assert address.startswith("/m/") or router.find(address) is not None, address
    assert len(menu.MENU) == 3
    assert all(1 <= len(door.items) <= 5 for door in menu.MENU)
    assert [door.label for door in menu.MENU] == ["开展活动", "遇到困难", "服务奉献"]


def test_every_address_is_listed_with_what_it_does():
    for address, quarter, does in make_router().routes():
        assert quarter
        assert does, address
