"""What the page says on which people agree to notices of the account (服务号订阅通知)."""

from models.messages.subscriptions import Agreed

TITLE = "微信通知"
LEAD = "公众号的消息万一没有发到，还能用微信的“订阅通知”再发给您。微信规定，要您先点“同意”。"
WHERE = {
    True: "通知会出现在您和公众号的对话里。",
    False: "您还没有关注公众号，通知会出现在微信的“服务通知”里。",
}
PRIVACY = "通知里不写您的电话、证件号和详细住址。不想收了，随时可以在公众号设置里关掉。"
NOTHING = "现在没有要您点“同意”的通知。有事公众号会直接告诉您，您不用做什么。"
BACK = "回到设置"

ONCE = "点一次“同意”，能发一条。想多收几条，就多点几次。"
FOR_GOOD = "点一次“同意”，以后都能发。"
AGREE, AGREE_MORE, AGREE_FOR_GOOD = "同意，发一条给我", "同意，再多发一条", "同意，以后都发给我"
KEPT = "微信记住了您的选择，不会再问。点一下，就多一条。"
SHUT = "要是点了没有反应，请打开公众号的设置，在“通知管理”里允许这一种通知，再回来点。"

# What stands in place of the buttons while they cannot be used, and what comes next.
WAIT = "正在连接微信，请稍等几秒。"
NOTING = "好的，正在记下来，请稍等几秒。"
AWAY = "这里点不了“同意”。请在手机微信里打开我们的公众号，点菜单里的“大字网页”，再点“设置”，就能找到这一页。"
FAILED = (
    "微信这会儿没有连上，点不了“同意”。请把这一页关掉，过几分钟再打开。还是不行，就打下面的电话，我们会打电话告诉您。"
)
TOLD = {"yes": "记下了，谢谢您。", "no": "记下了，不会这样发给您。改主意了，随时再点。"}


def in_chat(public_url: str) -> str:
    """The way to the page, said in chat."""
    return f"有些通知，微信要您先点一下“同意”才让我们发。请点开这一页：\n{public_url}/m/settings/notices"


def stands(agreed: Agreed) -> tuple[str, str]:
    """How it stands with one kind of notice: the picture beside it, and the words."""
    if agreed.long_term:
        return "accepted", "您同意了，以后都能发"
    if agreed.balance:
        return "accepted", f"您同意了，还能发{agreed.balance}条"
    return ("cancelled", "上次您选了不同意") if agreed.refused else ("waiting", "还没有同意")


def button(agreed: Agreed, *, long_term: bool) -> str:
    """What one taps to agree, or to agree once more."""
    return AGREE_FOR_GOOD if long_term else AGREE_MORE if agreed.balance else AGREE
