"""People who talk with the account through the real gate: what they type and tap, and what they hear."""

from dataclasses import dataclass, field

import pytest
from sqlalchemy import select

from models.people.identities import Identity
from tests.cast import APP_ID
from tests.gate import Wire, config_for
from tests.world import NOW
from wx_backend.app import create_app
from wx_backend.database import db
from wx_backend.sandbox.control import links_in


@dataclass
class Talk:
    """One person talking with the account."""

    wire: Wire
    openid: str
    heard: str = ""
    links: list = field(default_factory=list)

    def _hear(self, response):
        assert response.status_code == 200
        self.heard = self.wire.said(response)
        self.links = links_in(self.heard) or self.links
        return self.heard

    def says(self, text):
        """Types; answers what is heard."""
        return self._hear(self.wire.send(self.wire.text(self.openid, text)))

    def at(self, address):
        """Opens an address directly, as a forged or stale link would."""
        return self._hear(self.wire.send(self.wire.text(self.openid, "点", bizmsgmenuid=address)))

    def taps(self, label):
        """Taps a link last seen."""
        link = next(link for link in self.links if label in link["label"])
        return self._hear(self.wire.send(self.wire.text(self.openid, link["content"], bizmsgmenuid=link["id"])))

    def event(self, name, **more):
        """Something other than a message."""
        return self._hear(self.wire.send(self.wire.event(self.openid, name, **more)))


@pytest.fixture
def talk(database_url, open_session, cast):
    config = config_for(database_url)
    app_id = config.wechat.official_account.app_id
    with open_session() as session, session.begin():
        for identity in session.scalars(select(Identity).where(Identity.app_id == APP_ID)):
            identity.app_id = app_id
    wire = Wire(create_app(config, now=lambda: NOW), config.wechat.official_account)

    def with_(person):
        return Talk(wire, person if isinstance(person, str) else f"o-{person.id}")

    yield with_
    with wire.app.app_context():
        db.engine.dispose()
