"""Attachments: kept by digest, once, and only for those who may see their subject."""

import base64
from hashlib import sha256
from pathlib import Path

import httpx

from tests.api.plan.test_routes import BASE, Person, client, director

__all__ = ["client", "director"]

CONTENT = "演练照片".encode()


async def test_a_file_comes_back_as_it_was_sent(
    client: httpx.AsyncClient, director: Person, tmp_path: Path
) -> None:
    form = {"client_key": "phone-0001", "location": "东楼梯", "description": "扶手松动"}
    hazard = (await director.post(f"{BASE}/hazards", **form)).json()["id"]
    file = {
        "subject": f"hazard:{hazard}",
        "name": "照片.jpg",
        "media_type": "image/jpeg",
        "content_base64": base64.b64encode(CONTENT).decode(),
    }
    first = (await director.post(f"{BASE}/attachments", **file)).json()
    again = (await director.post(f"{BASE}/attachments", **file)).json()
    digest = sha256(CONTENT).hexdigest()
    assert first == again
    assert (first["sha256"], first["size_bytes"]) == (digest, 12)
    assert (tmp_path / "files" / digest[:2] / digest).read_bytes() == CONTENT
    answer = await director.get(f"{BASE}/attachments/{first['id']}")
    assert answer.content == CONTENT
    assert answer.headers["content-disposition"].startswith("attachment")
    stranger = Person(client, "赵六", "sample-middle")
    own = "/api/v1/plan/units/sample-middle/attachments"
    assert (await stranger.get(f"{own}/{first['id']}")).status_code == 404
    assert (await stranger.post(own, **file)).status_code == 404


async def test_what_is_no_file_is_refused(director: Person) -> None:
    file = {"subject": "hazard:1", "name": "a.jpg", "media_type": "image/jpeg"}
    broken = await director.post(f"{BASE}/attachments", **file, content_base64="####")
    assert broken.json()["code"] == "plan_file_unreadable"
    large = base64.b64encode(b"x" * (5 * 2**20 + 1)).decode()
    answer = await director.post(f"{BASE}/attachments", **file, content_base64=large)
    assert answer.json()["code"] == "plan_file_too_large"
    unknown = await director.post(
        f"{BASE}/attachments", **file, content_base64=base64.b64encode(b"x").decode()
    )
    assert unknown.status_code == 404
    path = await director.post(
        f"{BASE}/attachments", **{**file, "name": "../../a"}, content_base64="AAAA"
    )
    assert path.status_code == 422
