"""What a run hands out as files."""

from __future__ import annotations


def test_the_code_of_any_candidate(server, finished):
    best = server.client.get(f"/v1/runs/{finished}/best").json()["candidate"]
    answer = server.client.get(f"/v1/runs/{finished}/candidates/{best}/reward.py")
    assert answer.headers["content-type"].startswith("text/x-python")
    assert answer.text == server.client.get(f"/v1/runs/{finished}/best/reward.py").text
    assert server.client.get(f"/v1/runs/{finished}/candidates/g7c00/reward.py").status_code == 404


def test_a_film_is_there_once_it_was_made_and_is_fetched_in_parts(server, finished):
    best = server.client.get(f"/v1/runs/{finished}/best").json()
    places = (f"/v1/runs/{finished}/video.mp4", f"/v1/runs/{finished}/candidates/{best['candidate']}/video.mp4")
    for place in places:
        missing = server.client.get(place)
        assert missing.status_code == 404
        assert f"rewardsmith video {finished}" in missing.json()["remedy"]
    film = bytes(range(256)) * 40
    (server.folder / "runs" / finished / "g1" / best["candidate"] / "video.mp4").write_bytes(film)
    for place in places:
        whole = server.client.get(place)
        assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "video/mp4", film)
        part = server.client.get(place, headers={"Range": "bytes=1000-1999"})
        assert (part.status_code, part.content) == (206, film[1000:2000])
        assert part.headers["content-range"] == f"bytes 1000-1999/{len(film)}"
        assert server.client.get(place, headers={"Range": "bytes=99999-"}).status_code == 416
