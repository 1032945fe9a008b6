"""SIPp (Debian `sip-tester`) as a GB/T 28181 platform: registers with digest, takes messages.

Each run is a scenario written out as XML for SIPp, a program of other people.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

MEND = "apt-get install sip-tester"
PLATFORM_ID = "34020000002000000001"
DEVICE_ID = "34020000001320000001"
DOMAIN = "3402000000"
PASSWORD = "gb-password"

_ECHO = "[last_Via:]\n[last_From:]\n[last_To:];tag=[call_number]\n[last_Call-ID:]\n[last_CSeq:]\n"
_OUR_MESSAGE = f"""MESSAGE sip:{DEVICE_ID}@{DOMAIN} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{PLATFORM_ID}@{DOMAIN}>;tag=p[call_number]
To: <sip:{DEVICE_ID}@{DOMAIN}>
[last_Call-ID:]
CSeq: 20 MESSAGE
Max-Forwards: 70
Content-Type: Application/MANSCDP+xml
Content-Length: [len]

"""


def installed() -> bool:
    """Whether SIPp can be started."""
    return shutil.which("sipp") is not None


def _answer(status: str, more: str = "") -> str:
    return f"""<send><![CDATA[
SIP/2.0 {status}
{_ECHO}{more}Content-Length: 0

]]></send>"""


def _send(body: str) -> str:
    # SIPp reads attributes in double quotes only.
    return (
        f'<send retrans="500"><![CDATA[\n{_OUR_MESSAGE}{body}\n]]></send>\n<recv response="200"/>'
    )


_CHALLENGE = (
    f'WWW-Authenticate: Digest realm="{DOMAIN}", nonce="47ebe028cda119c35d4877b383027d28", '
    "algorithm={algorithm}{qop}\n"
)
_RESPONSE = """<?xml version="1.0" encoding="GB2312"?>
<Response>
<CmdType>Alarm</CmdType>
<SN>[$sn]</SN>
<DeviceID>{device}</DeviceID>
<Result>{result}</Result>
</Response>"""
_SUBSCRIBE = f"""SUBSCRIBE sip:{DEVICE_ID}@{DOMAIN} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{PLATFORM_ID}@{DOMAIN}>;tag=s[call_number]
To: <sip:{DEVICE_ID}@{DOMAIN}>
[last_Call-ID:]
CSeq: 30 SUBSCRIBE
Contact: <sip:{PLATFORM_ID}@[local_ip]:[local_port]>
Max-Forwards: 70
Event: presence
Expires: 3600
Content-Type: Application/MANSCDP+xml
Content-Length: [len]

<?xml version="1.0" encoding="GB2312"?>
<Query>
<CmdType>Alarm</CmdType>
<SN>88</SN>
<DeviceID>{DEVICE_ID}</DeviceID>
<StartAlarmPriority>1</StartAlarmPriority>
<EndAlarmPriority>{{last}}</EndAlarmPriority>
<AlarmMethod>0</AlarmMethod>
</Query>"""
_RESET = """<?xml version="1.0" encoding="GB2312"?>
<Control>
<CmdType>DeviceControl</CmdType>
<SN>4711</SN>
<DeviceID>{device}</DeviceID>
<AlarmCmd>ResetAlarm</AlarmCmd>
<Info>
<AlarmMethod>5</AlarmMethod>
<AlarmType>10</AlarmType>
</Info>
</Control>"""


def platform(
    *,
    algorithm: str = "MD5",
    qop: bool = False,
    answers: str = "OK",
    reset: bool = False,
    subscribes: int = 0,
) -> str:
    """A scenario: one call is a registration, a keepalive or an alarm.

    Args:
        algorithm: of the digest.
        answers: Result of the business response; empty for a platform that loses it.
        reset: after the response the platform resets the alarm.
        subscribes: once we are registered the platform subscribes to alarms down to this priority,
            and waits for one.
    """
    body = _RESPONSE.format(device=DEVICE_ID, result=answers)
    respond = _send(body) if answers else ""
    control = _send(_RESET.format(device=DEVICE_ID)) if reset else ""
    subscription = ""
    if subscribes:
        asked = _SUBSCRIBE.replace("{last}", str(subscribes))
        subscription = (
            f'<send retrans="500"><![CDATA[\n{asked}\n]]></send>\n<recv response="200"/>'
            f'<recv request="NOTIFY" timeout="60000"><action><ereg regexp="&lt;SN&gt;([0-9]+)'
            f'&lt;/SN&gt;" search_in="body" assign_to="all,sn"/></action></recv>'
            f"{_answer('200 OK')}{respond}"
        )
    more = _CHALLENGE.format(algorithm=algorithm, qop=', qop="auth"' if qop else "")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="platform">
<recv request="REGISTER" optional="true" next="registration"/>
<recv request="MESSAGE">
 <action>
  <ereg regexp="&lt;SN&gt;([0-9]+)&lt;/SN&gt;" search_in="body" assign_to="all,sn"/>
  <ereg regexp="&lt;CmdType&gt;Alarm&lt;/CmdType&gt;" search_in="body" assign_to="alarm"/>
  <log message="[$all] [$sn] [$alarm]"/>
 </action>
</recv>
{_answer("200 OK")}
<nop next="business" test="alarm"/>
<nop next="end"/>
<label id="business"/>
{respond}
{control}
<nop next="end"/>
<label id="registration"/>
{_answer("401 Unauthorized", more)}
<recv request="REGISTER">
 <action>
  <verifyauth assign_to="right" username="{DEVICE_ID}" password="{PASSWORD}"/>
 </action>
</recv>
<nop next="welcome" test="right"/>
{_answer("403 Forbidden")}
<nop next="end"/>
<label id="welcome"/>
{_answer("200 OK", "Expires: 3600" + chr(10))}
{subscription}
<label id="end"/>
<nop/>
</scenario>
"""


class Sipp:
    """A running SIPp; `kill` is SIGKILL. `messages` tells what it saw."""

    def __init__(self, scenario: str, folder: Path, *, tcp: bool = False, port: int = 0) -> None:
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.bind(("127.0.0.1", port))
            self.port = int(probe.getsockname()[1])
        folder.mkdir(parents=True, exist_ok=True)
        self._scenario = folder / "platform.xml"
        self._scenario.write_text(scenario, encoding="utf-8")
        self._messages = folder / "messages.log"
        self._folder = folder
        self._tcp = tcp
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["sipp", "-sf", str(self._scenario), "-i", "127.0.0.1", "-p", str(self.port)]
        command += ["-t", "t1" if self._tcp else "u1", "-max_socket", "1000"]
        command += ["-nostdin", "-trace_msg"]
        command += ["-message_file", str(self._messages), "-recv_timeout", "60000"]
        with (self._folder / "screen.log").open("ab") as screen:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdout=screen, stderr=subprocess.STDOUT
            )

    def kill(self) -> None:
        """SIGKILL: the platform's machine loses its power."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)
            self._process = None

    @property
    def messages(self) -> str:
        """Everything sent and received so far, in GB18030 where it is Chinese."""
        if not self._messages.exists():
            return ""
        return self._messages.read_bytes().decode("gb18030", errors="replace")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
