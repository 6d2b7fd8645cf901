"""What we say around a call's room: in the conversation, on its page, and where somebody cannot come in."""

JOIN = "进入视频"
OPEN_SCREEN = "老人到了，打开视频"
LINK = "请点下面的链接进入视频。只能您本人用一次，30分钟内有效：\n{link}"
LINK_LOST = "打不开的话，回复“进入视频”，再给您一个。"
SCREEN_LINK = "已记下老人到场，并通知了家人。请在中心的设备上打开（只能用一次，30分钟内有效）：\n{link}"
WHICH = "要进入哪一场视频？"
NONE_OPEN = "现在没有可以进入的视频。视频提前15分钟开放，到时再回复“进入视频”。"
SOON = "开始前15分钟起，回复“进入视频”就能进来。"

REFUSALS: dict[str, str] = {
    "call_moved": "这次视频改到别的时间了。请在公众号回复“我的连线”，看看新的时间。",
    "call_off": "这次视频已经取消了。请在公众号回复“我的连线”，可以另约时间。",
    "pass_over": "这个链接过了30分钟，不能用了。请在公众号回复“进入视频”，再拿一个新的。",
    "pass_unknown": "这个链接打不开。请在公众号回复“进入视频”，再拿一个新的。",
    "pass_used": "这个链接已经用过了，每个链接只能用一次。请在公众号回复“进入视频”，再拿一个新的。",
    "room_early": "还没到时间。视频提前{minutes}分钟开放，请到时再来。",
    "room_full": "视频里已经有{most}个画面，满了。请等一位家人退出后再进来。",
    "room_over": "这次视频已经结束了。想再聊的话，请在公众号回复“亲情连线”，另约时间。",
    "screen_taken": "下一家的视频已经开始，这台设备腾不出来。请换一台设备，或另约时间。",
    "seat_moved": "您已经在另一台设备上进入了这次视频，这里就关上了。",
}

# The desk.
DESK_TITLE = "今天的视频"
DESK_LEAD = "老人到了，就在老人要用的这台电脑上点按钮：会记下到场，通知家人，并打开视频。"
DESK_EARLY = "提前15分钟开放"
DESK_NONE = "接下来没有约好的视频。"

# The page.
TITLE = "和{name}视频"
CHECK_LEAD = "先看看自己：看得见自己，说话时绿条会动，就可以开始了。"
START = "开始视频"
SOUND = "声音"
ASKING = "手机在问能不能用摄像头和麦克风，请点“允许”。"
STARTING = "正在进入，请稍等…"
WAITING = "{name}还没到，请稍等。对方一到，画面会自己出来。"
CALLING = "{name}正在等您，请点“开始视频”。"
CONNECTING = "正在和{name}接通…"
TALKING = "已接通"
TROUBLE = "网络断了一下，正在自动接回来，请别关页面。"
GONE = "{name}离开了。您可以再等等，对方回来会自动接上。"
VOICE_ONLY = "网络有点慢，先只用声音，这样听得清楚。网络好了，画面会自己回来。"
THEIR_VOICE = "{name}那边网络有点慢，先只有声音。"
ONLY_VOICE = "{name}现在只开着声音。"
NO_CAMERA = "这台设备没有打开摄像头，对方看不到您，但听得到您说话。"
MUTE, UNMUTE = "关声音", "开声音"
HIDE, SHOW = "关画面", "开画面"
LEAVE = "挂断"
LEFT = "您已经离开了视频。"
BACK_IN = "再进去"
ME = "我"
UNHEARD = "点一下屏幕，就能听到声音。"
NO_DEVICES = "这台手机现在不能用摄像头和麦克风，所以进不了视频。"
REFUSED = "没有打开摄像头和麦克风，所以进不了视频。"
REFUSED_HOW = "请在手机的“设置”里找到微信（或浏览器），打开“摄像头”和“麦克风”，再点“再试一次”。"
OTHER_WAYS = "也可以这样："
WAYS = (
    "点右上角“…”，选“在浏览器打开”，再试一次。",
    "请中心的工作人员用微信视频打给您，或直接打电话。",
)
AGAIN = "再试一次"
OVER_TITLE = "视频结束了"
BUSY = "网络忙，正在再试…"
