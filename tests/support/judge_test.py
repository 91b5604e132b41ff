#!/usr/bin/env python3
"""Shows that each judge passes good material and fails bad: a judge that passes everything proves nothing."""
import array
import base64
import dataclasses
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest
import wave

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import demo_media, h264_stream, judge_call, judge_flow, judge_picture, judge_sound, srtp_oracle  # noqa: E402  (the path comes first)
from tests.support.capture import Packet  # noqa: E402


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        for side, source in demo_media.FILMS.items():
            cls.ffmpeg("-f", "lavfi", "-i", source, "-t", "4", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "1500k",
                       cls.path / f"{side}.mp4")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @staticmethod
    def ffmpeg(*arguments):
        subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *map(str, arguments)], check=True)

    def frame(self, side, seconds, *filters):
        target = self.path / f"{side}-{seconds}-{len(filters)}{hash(filters) % 1000}.png"
        self.ffmpeg("-ss", seconds, "-i", self.path / f"{side}.mp4", *filters, "-frames:v", "1", target)
        return target

    def judge(self, pictures, side="left", **options):
        return judge_picture.judge(pictures, self.path / f"{side}.mp4", **options)

    def test_accepts_the_films_own_frames(self):
        for side in demo_media.FILMS:
            matches, complaints = self.judge([self.frame(side, second) for second in (1, 2, 3)], side)
            self.assertEqual(complaints, [])
            for match, frame in zip(matches, (15, 30, 45)):
                self.assertAlmostEqual(match.frame, frame, delta=1)

    def test_refuses_the_other_film(self):
        for side, other in (("left", "right"), ("right", "left")):
            matches, complaints = self.judge([self.frame(other, second) for second in (1, 2, 3)], side)
            self.assertEqual(sum("SSIM" in complaint for complaint in complaints), 3)
            self.assertLess(max(match.ssim for match in matches), 0.75)

    def test_refuses_a_damaged_picture(self):
        grey_half = self.frame("left", 1, "-vf", "drawbox=x=320:w=320:h=360:color=gray:t=fill")
        self.assertTrue(any("SSIM" in complaint for complaint in self.judge([grey_half], minimum=1)[1]))

    def test_refuses_a_grey_picture(self):
        grey = self.frame("right", 1, "-vf", "drawbox=w=640:h=360:color=gray:t=fill")
        self.assertTrue(any("SSIM" in complaint for complaint in self.judge([grey], "right", minimum=1)[1]))

    def test_refuses_a_picture_that_froze(self):
        complaints = self.judge([self.frame("left", 2)] * 3)[1]
        self.assertTrue(any("move" in complaint for complaint in complaints))

    def test_refuses_too_few_and_missing_pictures(self):
        complaints = self.judge([self.frame("left", 1), self.frame("left", 2), self.path / "never.png"])[1]
        self.assertEqual(len(complaints), 2)


class Sounds(unittest.TestCase):
    RATE = 8000

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def tone(self, hertz, seconds, loudness=8000):
        return [int(loudness * math.sin(2 * math.pi * hertz * at / self.RATE)) for at in range(int(seconds * self.RATE))]

    def judge(self, samples, hertz=440, min_duration_s=2.0):
        path = pathlib.Path(self.folder.name, "sound.wav")
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, self.RATE, 0, "NONE", ""))
            file.writeframes(array.array("h", samples).tobytes())
        return judge_sound.judge(path, hertz, min_duration_s)

    def test_accepts_the_tone_to_a_hertz(self):
        for hertz in (440, 1000, 443.5):
            sound, complaints = self.judge(self.tone(hertz, 3), round(hertz))
            self.assertEqual(complaints, [])
            self.assertAlmostEqual(sound.tone_hz, hertz, delta=1)

    def test_refuses_a_tone_six_hertz_off(self):
        self.assertIn("not 440", self.judge(self.tone(446, 3))[1][0])

    def test_refuses_the_other_tone(self):
        self.assertIn("not 440", self.judge(self.tone(1000, 3))[1][0])

    def test_refuses_two_tones_at_once_and_noise(self):
        both = [one + other for one, other in zip(self.tone(440, 3), self.tone(1000, 3))]
        self.assertTrue(self.judge(both)[1])
        chance = random.Random(1)
        self.assertTrue(self.judge([chance.randint(-8000, 8000) for _ in range(3 * self.RATE)])[1])

    def test_refuses_a_gap_over_200_ms_only(self):
        def with_gap(ms):
            return self.tone(440, 2) + [0] * (ms * self.RATE // 1000) + self.tone(440, 2)
        self.assertEqual(self.judge(with_gap(180))[1], [])
        sound, complaints = self.judge(with_gap(240))
        self.assertIn("gap", complaints[0])
        self.assertAlmostEqual(sound.longest_gap_ms, 240, delta=20)

    def test_refuses_silence_and_too_little(self):
        self.assertEqual(self.judge([0] * 3 * self.RATE)[1], ["silence"])
        self.assertIn("fewer", self.judge([0] * self.RATE + self.tone(440, 1))[1][0])


class Flows(unittest.TestCase):
    CLOCKS = {0: 8000, None: 90000}
    PACKET = Packet(0.0, "192.0.2.2", 10000, "192.0.2.1", 56000, 7, 0, 0, 0, 172)

    def audio(self, count=100, start=65500, **changes):
        """20 ms apart; the numbers wrap."""
        return [dataclasses.replace(self.PACKET, time_s=at * 0.02, sequence=(start + at) % 65536, rtp_ticks=at * 160, **changes)
                for at in range(count)]

    def stream(self, packets):
        (stream,) = judge_flow.streams(packets, self.CLOCKS)
        return stream

    def test_even_stream_has_no_loss_jitter_or_gap(self):
        stream = self.stream(self.audio())
        self.assertEqual((stream.packets, stream.lost, stream.repeated), (100, 0, 0))
        self.assertLess(stream.jitter_ms, 0.01)
        self.assertAlmostEqual(stream.longest_gap_ms, 20, delta=0.1)

    def test_counts_lost_repeated_and_late_packets(self):
        packets = self.audio()
        lossy = packets[:30] + packets[33:]
        self.assertEqual(self.stream(lossy).lost, 3)
        self.assertEqual(self.stream(packets[:50] + packets[49:]).repeated, 1)
        late = packets[:10] + packets[11:13] + [dataclasses.replace(packets[10], time_s=0.245)] + packets[13:]
        self.assertEqual((self.stream(late).lost, self.stream(late).repeated), (0, 0))

    def test_sees_gaps_and_jitter(self):
        packets = self.audio()
        paused = packets[:50] + [dataclasses.replace(packet, time_s=packet.time_s + 0.3) for packet in packets[50:]]
        self.assertGreater(self.stream(paused).longest_gap_ms, judge_flow.MAX_GAP_MS)
        uneven = [dataclasses.replace(packet, time_s=packet.time_s + 0.005 * (at % 2)) for at, packet in enumerate(packets)]
        self.assertAlmostEqual(self.stream(uneven).jitter_ms, 5, delta=0.5)

    def test_separates_directions_and_sources(self):
        back = self.audio(source="192.0.2.1", source_port=56000, target="192.0.2.2", target_port=10000)
        self.assertEqual(len(judge_flow.streams(self.audio() + back + self.audio(ssrc=8), self.CLOCKS)), 3)

    def test_passage_through_the_gateway_without_loss(self):
        sent = self.audio()
        received = self.audio(start=300, ssrc=99)
        self.assertEqual(judge_flow.passage(sent, received), judge_flow.Passage(100, 0, 0, 0))

    def test_passage_counts_what_the_gateway_lost(self):
        sent = self.audio()
        received = self.audio(start=300, ssrc=99)
        self.assertEqual(judge_flow.passage(sent, received[2:40] + received[45:97]), judge_flow.Passage(100, 5, 2, 3))

    def test_passage_forgives_what_was_sent_before_the_answer_only(self):
        sent, received = self.audio(), self.audio(start=300, ssrc=99)[5:]
        self.assertEqual(judge_flow.passage(sent, received, answered_s=0.05), judge_flow.Passage(100, 0, 2, 0))
        self.assertEqual(judge_flow.passage(sent, received, answered_s=0.2).lost_at_start, 0)

    def test_nothing_came_through(self):
        self.assertEqual(judge_flow.passage(self.audio(), []).lost_at_start, 100)

    def off_path(self, **changes):
        packet = dataclasses.replace(self.PACKET, **changes)
        return judge_flow.off_path([self.PACKET, packet], "192.0.2.2", "192.0.2.1", (56000, 57000))

    def test_path_by_the_gateways_media_ports_is_right(self):
        self.assertEqual(self.off_path(), [])
        self.assertEqual(self.off_path(target_port=57000), [])
        self.assertEqual(self.off_path(ssrc=None, source_port=5060, target_port=5060), [])
        self.assertEqual(self.off_path(source="fe80::1", target="ff02::2", ssrc=None), [])

    def test_any_other_path_is_wrong(self):
        self.assertEqual(len(self.off_path(target="198.51.100.2")), 1)
        self.assertEqual(len(self.off_path(source="198.51.100.2", target="192.0.2.2")), 1)
        self.assertEqual(len(self.off_path(target_port=57001)), 1)
        self.assertEqual(len(self.off_path(target_port=5060)), 1)


class Srtp(unittest.TestCase):
    """Key derivation as in RFC 3711 B.3; a packet protected by libsrtp 2.5 with that key."""
    MASTER = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139" "0EC675AD498AFEEBB6960B3AABE6")
    ATTRIBUTE = "1 AES_CM_128_HMAC_SHA1_80 inline:" + base64.b64encode(MASTER).decode() + "|2^31"
    # The packet of libsrtp's own test: sequence 0x1234, SSRC 0xcafebabe, payload of 16 bytes 0xab.
    CLEAR = bytes.fromhex("800f1234decafbadcafebabe" + "ab" * 16)
    PROTECTED = bytes.fromhex("800f1234decafbadcafebabe" "4e55dc4ce79978d88ca4d215949d2402" "b78d6acc99ea179b8dbb")

    def test_derives_the_keys_of_rfc_3711_b_3(self):
        opener = srtp_oracle.Opener(self.ATTRIBUTE)
        self.assertEqual(opener._key.hex().upper(), "C61E7A93744F39EE10734AFE3FF7A087")
        self.assertEqual(opener._salt.hex().upper(), "30CBBC08863D8C85D49DB34A9AE1")
        self.assertEqual(opener._auth_key.hex().upper(), "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")

    def test_opens_what_libsrtp_protected(self):
        self.assertEqual(srtp_oracle.Opener(self.ATTRIBUTE).open(self.PROTECTED), self.CLEAR)

    def test_refuses_any_flipped_bit(self):
        for at in range(len(self.PROTECTED)):
            damaged = bytearray(self.PROTECTED)
            damaged[at] ^= 0x10
            with self.assertRaises(ValueError):
                srtp_oracle.Opener(self.ATTRIBUTE).open(bytes(damaged))


class H264(unittest.TestCase):
    """One picture a second of a film, cut into RTP payloads by hand."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name, "film.h264")
        Pictures.ffmpeg("-f", "lavfi", "-i", demo_media.FILMS["left"], "-t", "1", "-c:v", "libx264", "-profile:v", "baseline",
                        "-f", "h264", cls.path)
        data = cls.path.read_bytes().replace(b"\0\0\0\1", b"\0\0\1")
        cls.units = [unit for unit in data.split(b"\0\0\1") if unit]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def payloads(self, largest=500):
        small = [unit for unit in self.units[:2]]
        result = [bytes([24]) + b"".join(len(unit).to_bytes(2, "big") + unit for unit in small)]  # STAP-A
        for unit in self.units[2:]:
            if len(unit) <= largest:
                result.append(unit)
                continue
            parts = [unit[at:at + largest] for at in range(1, len(unit), largest)]
            for number, part in enumerate(parts):
                flags = 0x80 * (number == 0) | 0x40 * (number == len(parts) - 1)
                result.append(bytes([unit[0] & 0xE0 | 28, unit[0] & 0x1F | flags]) + part)
        return result

    def test_decodes_every_picture(self):
        self.assertEqual(h264_stream.decode(self.payloads(), self.path.with_suffix(".out")), (15, 0))

    def test_notices_a_missing_packet(self):
        payloads = self.payloads()
        middle = next(at for at, payload in enumerate(payloads) if payload[0] & 0x1F == 28 and payload[1] & 0x80) + 1
        pictures, errors = h264_stream.decode(payloads[:middle] + payloads[middle + 1:], self.path.with_suffix(".out"))
        self.assertGreater(errors, 0)

    def test_finds_the_payload_behind_csrcs_extension_and_padding(self):
        packet = bytes.fromhex("b160000100000000" "00000007" "00000001" "bede0001" "11223344" "6501" "0002")
        self.assertEqual(h264_stream.rtp_payload(packet), bytes.fromhex("6501"))


class Beginnings(unittest.TestCase):
    """When ICE has ended, and when the first picture is there."""
    PACKET = Packet(0.0, "192.0.2.1", 56000, "192.0.2.2", 10000, 7, 98, 0, 0, 172)

    def party(self, packets):
        return judge_call.Party("left", "192.0.2.2", "192.0.2.1", [], None, packets)

    def video(self, payloads, marked):
        return [dataclasses.replace(self.PACKET, time_s=at, sequence=at, datagram=bytes([0x80, 98 | 0x80 * (at in marked)]) +
                                    bytes(10) + bytes(payload)) for at, payload in enumerate(payloads)]

    def test_first_picture_has_parameter_sets_and_a_whole_key_picture(self):
        pieces = [[0x41, 1], [0x67, 1], [0x68, 1], [0x65, 1], [0x65, 2], [0x41, 2]]
        self.assertEqual(judge_call.first_picture_s(self.party(self.video(pieces, {0, 4, 5}))), 4)

    def test_no_picture_without_a_parameter_set_before_it(self):
        for pieces in ([[0x65, 1], [0x67, 1], [0x68, 1]], [[0x67, 1], [0x65, 1]], [[0x67, 1], [0x68, 1], [0x41, 1]]):
            with self.assertRaises(ValueError):
                judge_call.first_picture_s(self.party(self.video(pieces, {len(pieces) - 1})))

    def check(self, time_s, port, kind, transaction, attributes=b""):
        datagram = kind + len(attributes).to_bytes(2, "big") + bytes.fromhex("2112a442") + bytes([transaction] * 12) + attributes
        return dataclasses.replace(self.PACKET, time_s=time_s, source_port=port, ssrc=None, datagram=datagram)

    def test_ice_ends_with_the_answer_to_the_last_nomination(self):
        nominate, request, success = b"\0\x25\0\0", b"\0\1", b"\1\1"
        packets = [self.check(1, 56000, request, 1), self.check(2, 10000, success, 1),
                   self.check(3, 56000, request, 2, nominate), self.check(4, 56002, request, 3, nominate),
                   self.check(5, 10000, success, 2), self.check(6, 10002, success, 3), self.check(7, 56000, request, 4)]
        self.assertEqual(judge_call.ice_ended_s(self.party(packets)), 6)
        with self.assertRaises(ValueError):
            judge_call.ice_ended_s(self.party(packets[:5]))


if __name__ == "__main__":
    unittest.main()
