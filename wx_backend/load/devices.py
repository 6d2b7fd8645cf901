"""The section of devices: the call button at a centre's seat, as WeChat knows it (wmpf-voip: sn and model_id)."""

from sqlalchemy import delete, or_, select

from models.family.devices import DeviceGrant, VoipDevice
from models.places.centres import Room, ServiceCentre, Station, Zone
from wx_backend.load.loading import Loading
from wx_backend.load.rows import BadRow, RowIn


def devices(load: Loading, row: RowIn) -> None:
    """The device at one seat; another one in its place takes the row over, and families allow that one anew."""
    centre, sn = load.find(ServiceCentre, row("centre"), "centre"), row("sn")
    query = (
        select(Station.id).join(Room, Station.room_id == Room.id).join(Zone, Room.zone_id == Zone.id)
        .where(Zone.centre_id == centre.id, Room.name == row("room"), Station.name == row("station"))
    )  # fmt: skip
    found = load.session.scalars(query.limit(2)).all()
    if len(found) != 1:
        raise BadRow(f"station: {centre.name}的“{row('room')}”里没有叫“{row('station')}”的座位（要写在它前面）")
    if sn in load.named:
        raise BadRow(f"sn: “{sn}”已经在另一个座位上了，一台设备只能写一次")
    load.named.add(sn)
    here, moved = VoipDevice.station_id == found[0], VoipDevice.sn == sn
    for one in load.session.scalars(select(VoipDevice).where(or_(here & ~moved, moved & ~here))).all():
        load.session.execute(delete(DeviceGrant).where(DeviceGrant.device_id == one.id))
        load.session.delete(one)
    load.session.flush()
    load.put(VoipDevice, {"station_id": found[0]}, sn=sn, model_id=row("model"), name=row("name"))
