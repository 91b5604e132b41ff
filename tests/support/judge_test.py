#!/usr/bin/env python3
"""Shows that each judge passes good material and fails bad: a judge that passes everything proves nothing."""
import array
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

from tests.support import demo_media, judge_flow, judge_picture, judge_sound  # noqa: E402  (the path comes first)
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


if __name__ == "__main__":
    unittest.main()
