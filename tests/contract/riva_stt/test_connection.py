"""The agent's connections to Riva: TLS with and without a client's certificate, and one for all calls of a process."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from livekit.agents import APIConnectionError

from agent.speech.riva_channel import Connection, riva_credentials
from agent.speech.riva_recovery import Recovery
from agent.speech.riva_stt import RivaSTT
from tests.contract.riva_stt.listening import Listening
from tests.contract.scripted_riva import ScriptedRiva, says, serving

pytestmark = pytest.mark.contract


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority of this test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.cert = folder / "ca.pem"
        builder = self._builder(self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.cert.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> Pair:
        """A certificate for 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = self._builder(subject, key.public_key())
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        pair.cert.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return pair

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
        )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Whom both sides trust."""
    return Authority(tmp_path)


@asynccontextmanager
async def serving_securely(riva: ScriptedRiva, authority: Authority, *, mutual: bool) -> AsyncIterator[str]:
    """The scripted server behind TLS; `mutual` asks for the client's certificate."""
    own = authority.issue("riva")
    credentials = grpc.ssl_server_credentials(
        [(own.key.read_bytes(), own.cert.read_bytes())],
        root_certificates=authority.cert.read_bytes() if mutual else None,
        require_client_auth=mutual,
    )
    async with serving(riva, credentials) as address:
        yield address


async def test_riva_is_heard_through_tls(authority: Authority) -> None:
    """The authority that signed Riva's certificate is read from a file."""
    riva = ScriptedRiva()
    riva.scripts.append(says("heard"))
    async with serving_securely(riva, authority, mutual=False) as address:
        credentials = riva_credentials(authority.cert)
        async with aclosing(RivaSTT(address, language="en-US", credentials=credentials)) as recogniser:
            heard = Listening(recogniser)
            heard.turn()
            finals = await heard.finals(1)

    assert finals == ["heard"]


async def test_riva_asks_who_calls(authority: Authority) -> None:
    """With mutual TLS the agent shows its certificate, and one without is not let in."""
    riva, own = ScriptedRiva(), authority.issue("agent")
    riva.scripts.append(says("heard"))
    async with serving_securely(riva, authority, mutual=True) as address:
        known = riva_credentials(authority.cert, own.cert, own.key)
        async with aclosing(RivaSTT(address, language="en-US", credentials=known)) as recogniser:
            heard = Listening(recogniser)
            heard.turn()
            finals = await heard.finals(1)
        unknown = riva_credentials(authority.cert)
        async with aclosing(
            RivaSTT(address, language="en-US", credentials=unknown, recovery=Recovery(tries=1))
        ) as recogniser:
            stranger = Listening(recogniser, max_retry=0)
            stranger.turn()
            failure = await stranger.failure()

    assert finals == ["heard"]
    assert isinstance(failure, APIConnectionError)


def test_half_a_pair_is_refused(authority: Authority) -> None:
    """A certificate without its key would be an agent without a certificate."""
    with pytest.raises(ValueError, match="set both or neither"):
        riva_credentials(authority.cert, authority.cert)


async def test_calls_share_a_connection() -> None:
    """Two recognisers for one server have one channel, and it lasts as long as one of them needs it."""
    riva = ScriptedRiva()
    riva.scripts.extend([says("one"), says("two")])
    async with serving(riva) as address:
        first, second = RivaSTT(address, language="en-US"), RivaSTT(address, language="de-DE")
        heard, later = Listening(first), Listening(second)
        heard.turn()
        one = await heard.finals(1)
        await first.aclose()
        later.turn()
        two = await later.finals(1)
        await second.aclose()

    assert (one, two) == (["one"], ["two"])


async def test_other_servers_have_other_connections() -> None:
    """A line belongs to one server name."""
    one, same, other = Connection("127.0.0.1:1"), Connection("127.0.0.1:1"), Connection("127.0.0.1:2")

    shared = one.line() is same.line()
    apart = one.line() is not other.line()
    for connection in (one, same, other):
        await connection.aclose()

    assert shared
    assert apart


async def test_a_line_that_is_given_up_lasts_for_its_requests() -> None:
    """The next request has another line, for all who share it; the old one is closed with its last request."""
    one, same = Connection("127.0.0.1:1"), Connection("127.0.0.1:1")

    async with one.use() as old:
        one.give_up(old)
        async with same.use() as new:
            apart = new is not old
        open_for_others = old.channel.get_state() is not grpc.ChannelConnectivity.SHUTDOWN
    closed = old.channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN
    for connection in (one, same):
        await connection.aclose()

    assert (apart, open_for_others, closed) == (True, True, True)
