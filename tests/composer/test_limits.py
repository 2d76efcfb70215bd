"""What a channel takes is told before, and refused anyway."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from bots.models import Message
from tenants.workspace.models import StoredFile

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 100


def upload(api, pk: int, name: str, content: bytes = PNG):
    return api.post(
        "/api/v1/desk/files/",
        {"file": SimpleUploadedFile(name, content), "conversation": pk},
        format="multipart",
    )


def test_an_endpoint_tells_the_channels_limits(alpha, beta, talks, channel_is, api_of):
    mine, other = talks
    channel_is(
        files=frozenset({"image"}), max_file_bytes=1024, text_limit=700, can_edit=True,
        edit_within_s=600,
    )  # fmt: skip
    url = f"/api/v1/conversations/{mine.conversation().pk}/limits/"

    told = api_of(alpha, "agent").get(url).json()

    assert {k: told[k] for k in ("text_limit", "files", "max_file_bytes", "can_edit")} == {
        "text_limit": 700, "files": ["image"], "max_file_bytes": 1024, "can_edit": True,
    }  # fmt: skip
    assert (told["can_delete"], told["edit_within_s"]) == (False, 600)
    assert told["window"] == {
        "expires_at": None, "is_closed": False, "actions": ["note", "snooze", "resolve"],
    }  # fmt: skip
    assert api_of(beta).get(f"/api/v1/conversations/{10_000}/limits/").status_code == 404
    assert other.conversation().pk


def test_an_upload_the_channel_does_not_take_is_refused_before_it_is_kept(
    alpha, talks, channel_is, api_of
):
    mine, _other = talks
    channel_is(files=frozenset({"image"}), max_file_bytes=1024)
    pk, api = mine.conversation().pk, api_of(alpha, "agent")

    good = upload(api, pk, "photo.png")
    wrong = upload(api, pk, "price.pdf", b"%PDF-1.4")
    large = upload(api, pk, "photo.png", PNG + b"\x00" * 1024)
    strange = upload(api, pk + 10_000, "photo.png")

    assert good.status_code == 201
    assert (wrong.status_code, wrong.json()["error"]["why"]) == (400, "kind")
    assert wrong.json()["error"]["kinds"] == ["image"]
    assert (large.status_code, large.json()["error"]["why"]) == (400, "size")
    assert large.json()["error"]["limit"] == 1024
    assert strange.status_code == 404
    with alpha.inside():
        assert StoredFile.objects.filter(purpose="message").count() == 1


def test_a_reply_with_such_a_file_is_refused_too(alpha, talks, channel_is, api_of):
    mine, _other = talks
    pk, api = mine.conversation().pk, api_of(alpha, "agent")
    channel_is(files=frozenset({"image", "file"}))
    stored = upload(api, pk, "price.pdf", b"%PDF-1.4").json()["id"]
    channel_is(files=frozenset())

    refused = api.post(
        f"/api/v1/conversations/{pk}/reply/", {"text": "Вот", "files": [stored]}, format="json"
    )

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "file_refused")
    with alpha.inside():
        assert not Message.objects.filter(author="agent").exists()
