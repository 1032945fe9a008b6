"""A camera with alarm inputs over ONVIF, written from the WSDL and strict about what it is asked.

No device and no simulator with a pull point could be installed, so this one stands in: it refuses
a request that is not of the schema's form, a wrong or old digest, a subscription that has lapsed,
and a request to a subscription without the parameter that it gave (as Axis devices do).
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree as ET

USER, PASSWORD = "operator", "a password"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
WSNT = "http://docs.oasis-open.org/wsn/b-2"
TDS = "http://www.onvif.org/ver10/device/wsdl"
TEV = "http://www.onvif.org/ver10/events/wsdl"
TT = "http://www.onvif.org/ver10/schema"
OWN = "urn:camera"
_SECEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_DIGEST_S = 5.0
_HEADER = (
    f'<?xml version="1.0"?><e:Envelope xmlns:e="{SOAP}" xmlns:wsa="{WSA}" xmlns:wsnt="{WSNT}" '
    f'xmlns:tds="{TDS}" xmlns:tev="{TEV}" xmlns:tt="{TT}" '
    'xmlns:tns1="http://www.onvif.org/ver10/topics"><e:Body>'
)


class Refused(Exception):  # noqa: N818 - a SOAP fault
    """Answered with a fault."""


@dataclass(slots=True)
class Camera:
    """The device.

    Attributes:
        ahead: by how much its clock is ahead.
        told_host: what it believes its own address to be.
        asked: names of the operations, in order.
    """

    inputs: dict[str, bool]
    ahead: timedelta = timedelta()
    told_host: str = ""
    port: int = 0
    asked: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    pulling: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer | None = None
    _news: deque[tuple[str, bool, str]] = field(default_factory=deque)
    _point: str = ""
    _until: float = 0.0
    _points: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/onvif/device_service"

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def set(self, token: str, active: bool) -> None:
        """The contact changes."""
        with self._changed:
            self.inputs[token] = active
            self._news.append((token, active, "Changed"))
            self._changed.notify_all()

    def forget(self) -> None:
        """The device restarts: it knows no subscription any more."""
        with self._changed:
            self._point = ""
            self._changed.notify_all()

    @contextmanager
    def running(self) -> Iterator[None]:
        camera = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                try:
                    status, answer = 200, camera.answer(content, self.headers["content-type"])
                except Refused as refusal:
                    camera.refusals.append(str(refusal))
                    status = 400
                    answer = (
                        f"<e:Fault><e:Code><e:Value>e:Sender</e:Value></e:Code><e:Reason>"
                        f'<e:Text xml:lang="en">{refusal}</e:Text></e:Reason></e:Fault>'
                    )
                except ConnectionError:
                    self.close_connection = True
                    return
                body = f"{_HEADER}{answer}</e:Body></e:Envelope>".encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(ConnectionError):
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                del format, args

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            self.forget()
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, content: bytes, kind: str) -> str:
        root = ET.fromstring(content)
        if root.tag != f"{{{SOAP}}}Envelope" or not kind.startswith("application/soap+xml"):
            raise Refused("not SOAP 1.2")
        header, body = root.find(f"{{{SOAP}}}Header"), root.find(f"{{{SOAP}}}Body")
        if header is None or body is None or len(body) != 1:
            raise Refused("one header and one body with one element are needed")
        wanted = body[0]
        namespace, _, name = wanted.tag[1:].partition("}")
        self.asked.append(name)
        if (namespace, name) == (TDS, "GetSystemDateAndTime"):
            return self._time()
        self._check_digest(header)
        if (namespace, name) == (TDS, "GetServices"):
            return self._services(wanted)
        if (namespace, name) == (TEV, "CreatePullPointSubscription"):
            return self._create(wanted)
        self._check_point(header, namespace, name)
        if (namespace, name) == (TEV, "SetSynchronizationPoint"):
            with self._changed:
                self._news.extend((t, state, "Initialized") for t, state in self.inputs.items())
                self._changed.notify_all()
            return "<tev:SetSynchronizationPointResponse/>"
        if (namespace, name) == (TEV, "PullMessages"):
            return self._pull(wanted)
        if (namespace, name) == (WSNT, "Renew"):
            self._until = time.monotonic() + _seconds(wanted.findtext(f"{{{WSNT}}}TerminationTime"))
            return f"<wsnt:RenewResponse>{self._life(WSNT)}</wsnt:RenewResponse>"
        if (namespace, name) == (WSNT, "Unsubscribe"):
            self.forget()
            return "<wsnt:UnsubscribeResponse/>"
        raise Refused(f"unknown operation {name}")

    def _check_digest(self, header: ET.Element) -> None:
        token = header.find(f"{{{_SECEXT}}}Security/{{{_SECEXT}}}UsernameToken")
        if token is None:
            raise Refused("ter:NotAuthorized: no token")
        created = token.findtext(f"{{{_UTILITY}}}Created") or ""
        nonce = base64.b64decode(token.findtext(f"{{{_SECEXT}}}Nonce") or "")
        expected = hashlib.sha1(nonce + created.encode() + PASSWORD.encode()).digest()
        given = base64.b64decode(token.findtext(f"{{{_SECEXT}}}Password") or "")
        age_s = abs((self.now() - datetime.fromisoformat(created)).total_seconds())
        user = token.findtext(f"{{{_SECEXT}}}Username")
        if (user, given) != (USER, expected) or not nonce:
            raise Refused("ter:NotAuthorized: wrong digest")
        if age_s > _DIGEST_S:
            raise Refused(f"ter:NotAuthorized: the digest is {age_s:.0f} s old")

    def _check_point(self, header: ET.Element, namespace: str, name: str) -> None:
        held = header.find(f"{{{OWN}}}SubscriptionId")
        told = header.findtext(f"{{{WSA}}}To") or ""
        action = header.findtext(f"{{{WSA}}}Action") or ""
        if not told.endswith("/onvif/events") or not action.endswith(f"/{name}Request"):
            raise Refused("wsa:To or wsa:Action is wrong")
        if held is None or held.text != self._point or time.monotonic() > self._until:
            raise Refused("wsrf-rw:ResourceUnknownFault")
        if held.get(f"{{{WSA}}}IsReferenceParameter") != "true":
            raise Refused("a reference parameter that does not say so")
        assert namespace in (TEV, WSNT)

    def _time(self) -> str:
        now = self.now()
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime>"
            "<tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>"
            "<tt:UTCDateTime><tt:Time>"
            f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
            f"<tt:Second>{now.second}</tt:Second></tt:Time><tt:Date><tt:Year>{now.year}</tt:Year>"
            f"<tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date>"
            "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def _services(self, wanted: ET.Element) -> str:
        if wanted.findtext(f"{{{TDS}}}IncludeCapability") != "false":
            raise Refused("IncludeCapability is missing")
        host = self.told_host or f"127.0.0.1:{self.port}"
        return "".join(
            (
                "<tds:GetServicesResponse>",
                *(
                    f"<tds:Service><tds:Namespace>{namespace}</tds:Namespace>"
                    f"<tds:XAddr>http://{host}/onvif/{path}</tds:XAddr><tds:Version>"
                    "<tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
                    for namespace, path in ((TDS, "device_service"), (TEV, "events"))
                ),
                "</tds:GetServicesResponse>",
            )
        )

    def _create(self, wanted: ET.Element) -> str:
        lasts_s = _seconds(wanted.findtext(f"{{{TEV}}}InitialTerminationTime"))
        self._points += 1
        self._point, self._until = str(self._points), time.monotonic() + lasts_s
        self._news.clear()
        host = self.told_host or f"127.0.0.1:{self.port}"
        return (
            "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference>"
            f"<wsa:Address>http://{host}/onvif/events</wsa:Address><wsa:ReferenceParameters>"
            f'<own:SubscriptionId xmlns:own="{OWN}">{self._point}</own:SubscriptionId>'
            f"</wsa:ReferenceParameters></tev:SubscriptionReference>{self._life(WSNT)}"
            "</tev:CreatePullPointSubscriptionResponse>"
        )

    def _life(self, namespace: str) -> str:
        prefix = {WSNT: "wsnt", TEV: "tev"}[namespace]
        now = self.now()
        end = now + timedelta(seconds=self._until - time.monotonic())
        return (
            f"<{prefix}:CurrentTime>{now:%Y-%m-%dT%H:%M:%SZ}</{prefix}:CurrentTime>"
            f"<{prefix}:TerminationTime>{end:%Y-%m-%dT%H:%M:%SZ}</{prefix}:TerminationTime>"
        )

    def _pull(self, wanted: ET.Element) -> str:
        wait_s = _seconds(wanted.findtext(f"{{{TEV}}}Timeout"))
        most = int(wanted.findtext(f"{{{TEV}}}MessageLimit") or "0")
        point = self._point
        self.pulling.set()
        with self._changed:
            self._changed.wait_for(lambda: self._news or self._point != point, wait_s)
            news = [self._news.popleft() for _ in range(min(most, len(self._news)))]
        told = "".join(_notification(*one, self.now()) for one in news)
        return f"<tev:PullMessagesResponse>{self._life(TEV)}{told}</tev:PullMessagesResponse>"


def _seconds(duration: str | None) -> float:
    """Of `PT60S`. Raises `Refused`."""
    if not duration or not duration.startswith("PT") or not duration.endswith("S"):
        raise Refused(f"{duration!r} is no duration")
    return float(duration[2:-1])


def _notification(token: str, active: bool, operation: str, at: datetime) -> str:
    motion = (
        '<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/'
        'topicExpression/ConcreteSet">tns1:VideoSource/MotionAlarm</wsnt:Topic><wsnt:Message>'
        f'<tt:Message UtcTime="{at:%Y-%m-%dT%H:%M:%SZ}" PropertyOperation="{operation}"><tt:Source>'
        '<tt:SimpleItem Name="Source" Value="1"/></tt:Source><tt:Data>'
        '<tt:SimpleItem Name="State" Value="true"/></tt:Data></tt:Message></wsnt:Message>'
        "</wsnt:NotificationMessage>"
    )
    return motion + motion.replace(
        "VideoSource/MotionAlarm", "Device/Trigger/DigitalInput"
    ).replace('Name="Source" Value="1"', f'Name="InputToken" Value="{token}"').replace(
        'Name="State" Value="true"', f'Name="LogicalState" Value="{str(active).lower()}"'
    )
