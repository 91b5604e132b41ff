#!/usr/bin/env python3
"""Shows that the Microsoft client of our own writes what the fact sheet says, to the byte, and that others read it as we do: vectors,
tshark, ffmpeg. No root, no gateway."""
import contextlib
import pathlib
import struct
import subprocess
import sys
import tempfile
import types
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import h264_stream, judge_slices, srtp_oracle  # noqa: E402  (the path comes first)
from tests.support.ms_client import bodies, h264uc, paths, rtcp, skip_picture, srtp, stun  # noqa: E402

# Computed from [MS-ICE2], [MS-RTP] and [MS-H264PF]; a check of pidgin-sipe has the same form.
PASSWORD = "Kf3vQm0XbT7yLr2ZpWc9HsDu"
CHECK = bytes.fromhex("""
00010054 2112a442 a1b2c3d4e5f60718 293a0004 00240004 6effffff 802a0008 0102030405060708 0006000c 7157377a3a4c6d32 4b000000
80540004 31000000 80700004 00000002 00080014 66e2ac8b00dcb3a20ccf6c2daa3426f3b48c4295 80280004 87596c4e""")
SOURCE_REQUEST = bytes.fromhex("""
8fce0018 00012345 fffffffe 00010058 fffffffe 00070000 00800144 00000000 7a010002 050002d0 000493e0 00000000 0001d4c0
00000000 00000000 00000000 00000000 00000001 00000014 00000001 00010000 00000000 00000000 00000000 000e1000""")
SIPES_SOURCE_REQUEST = bytes.fromhex("""
8fce0018 00000001 fffffffe 00010058 fffffffe 00010000 00000144 00000000 62010001 01b001b0 00005573 00000000 00002710
00010000 00000000 00000000 00000000 00000000 00000004 00000001 00010000 00000000 00000000 00000000 00019500""")
EXTENDED_LOSS = bytes.fromhex("81ce0005 00012345 0009c400 00030000 01000000 00000000")
REPORT = bytes.fromhex("""
81c9000f 00012345 0009c400 00000000 0001abcd 0000000c 00000000 00000000 0001000c 0009c400 0016e360 000c0014 00012345 00989680
00989680 00000000""")
PACSI = bytes.fromhex("""
7ec08007 20006400 2d06052a 139fb1a9446a4dec8cbf65b1e12d2cfd 01000000 00000000 0110 050002d0 050002d0 00124f80 2002 0000
0015 060512 05fbc6b95a8040e5a22aab4020267e26 0105""")
SIPES_PACSI = bytes.fromhex("""
7ec08007 220001 002d 06052a 139fb1a9446a4dec8cbf65b1e12d2cfd 0100000000000000 0110 00d400a0 00d400a0 0000c44a 0002 0000
0015 060512 05fbc6b95a8040e5a22aab4020267e26 0103""")


class Checks(unittest.TestCase):
    def check(self, **changes):
        return stun.check(CHECK[8:20], **({"username": "qW7z:Lm2K", "password": PASSWORD, "tie_breaker": bytes(range(1, 9)),
                                          "use_candidate": False} | changes))

    def test_are_the_vector(self):
        self.assertEqual(self.check(priority=0x6EFFFFFF), CHECK)

    def test_of_both_forms_are_told_apart(self):
        self.assertEqual(stun.form_of(stun.parse(CHECK), PASSWORD), "microsoft")
        self.assertIsNone(stun.form_of(stun.parse(CHECK), PASSWORD[::-1]))
        self.assertTrue(stun.has_right_fingerprint(stun.parse(CHECK)))
        for form in ("microsoft", "rfc"):
            message = stun.parse(self.check(form=form))
            self.assertEqual((stun.form_of(message, PASSWORD), stun.has_right_fingerprint(message)), (form, True))
            self.assertEqual(stun.username(message), "qW7z:Lm2K")

    def test_say_when_they_are_damaged(self):
        message = bytearray(CHECK)
        message[30] ^= 1
        damaged = stun.parse(bytes(message))
        self.assertIsNone(stun.form_of(damaged, PASSWORD))
        self.assertFalse(stun.has_right_fingerprint(damaged))


class Requests(unittest.TestCase):
    def test_are_the_vectors(self):
        entry = rtcp.entry(122, width=1280, height=720, least=300_000)
        self.assertEqual(rtcp.video_source_request(0x12345, [entry], 7, True), SOURCE_REQUEST)
        self.assertEqual(rtcp.extended_picture_loss(0x12345, 0x9C400, 3), EXTENDED_LOSS)
        extension = rtcp.estimate(0x9C400, 1_500_000, 0x12345, 10_000_000)
        self.assertEqual(rtcp.with_extension(b"\x81\xc9\0\7" + REPORT[4:32], extension), REPORT)

    def test_of_pidgin_sipe_are_read(self):
        read = rtcp.read_source_request(SIPES_SOURCE_REQUEST)
        self.assertEqual((read.source, read.request, read.key), (rtcp.ANY_SOURCE, 1, False))
        self.assertEqual(read.entries, ((98, 1, 0, 1, 432, 432, 21875, 10_000, 0, 4, 0, 1, 103_680),))
        self.assertEqual(rtcp.video_source_request(1, [rtcp.entry(98, 1, 0, 1, 432, 432, 21875, 10_000, 0, 4, 0, 1, 103_680)]),
                         SIPES_SOURCE_REQUEST)

    def test_with_a_wrong_field_are_refused(self):
        for at, value in ((13, 3), (15, 0x57), (26, 21), (27, 67), (2, 9)):
            wrong = bytearray(SOURCE_REQUEST)
            wrong[at] = value
            with self.assertRaises(ValueError, msg=f"byte {at}"):
                rtcp.read_source_request(bytes(wrong)[:100 if at != 2 else 40])


class Srtp(unittest.TestCase):
    def test_is_read_by_another_reader(self):
        key = srtp.new_key()
        for identifier in (b"", b"\x01"):
            ours, theirs = srtp.Context(key, identifier), srtp_oracle.Opener(f"1 {srtp.SUITE} inline:{key}", len(identifier))
            for sequence in (65534, 65535, 0, 1):  # over a roll-over
                packet = struct.pack(">BBHII", 0x80, 122, sequence, 9, 7) + b"abc"
                closed = ours.close(packet)
                self.assertEqual(len(closed), len(packet) + len(identifier) + 10)
                self.assertEqual(theirs.open(closed), packet)
            report = rtcp.sender_report(7, 1, 2, 3, 4)
            self.assertEqual(srtp.Context(key, identifier).open_rtcp(ours.close_rtcp(report)), report)
            self.assertIsNone(srtp.Context(key, identifier).open_rtcp(ours.close_rtcp(report)[:-1] + b"?"))


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=15", "-t", "3", "-c:v",
                        "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-g", "15", cls.path / "film.mp4"], check=True)
        cls.film = h264uc.pictures(cls.path / "film.mp4")
        cls.layered = h264uc.with_layers(cls.film)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def frames(self, *options):
        lines = subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *options, "-f", "framehash", "-"], check=True,
                               capture_output=True, text=True).stdout.splitlines()
        return [line.split(",")[-1] for line in lines if not line.startswith("#")]

    def payloads(self, pictures, **options):
        packer = h264uc.Packer(**options)
        return [payload for picture in pictures for payload in packer.pack(picture)]

    def test_pacsi_is_the_vector(self):
        layout = bytearray(h264uc.layout(1280, 720, 1_200_000, 300))
        self.assertEqual(h264uc.pacsi([bytes(layout), h264uc.bitstream(1, 5)], 100, key=True), PACSI)
        sipes = h264uc.pacsi([h264uc.layout(212, 160, 50250, 75)[:27] + SIPES_PACSI[36:54], h264uc.bitstream(1, 3)], 1, True, flags=0x22)
        self.assertEqual(sipes, SIPES_PACSI)

    def test_films_keep_their_frames_in_each_packing(self):
        own = self.frames("-i", self.path / "film.mp4")
        for options in ({}, {"prefixes": True}, {"aggregates": True}, {"prefixes": True, "aggregates": True}):
            for pictures, step in ((self.film, 1), (self.layered, 2)):
                payloads = self.payloads(pictures, layers=step, **options)
                count, errors = h264_stream.decode(payloads, self.path / "out.h264")
                self.assertEqual((count, errors), (len(pictures), 0))
                shown = self.frames("-f", "h264", "-i", self.path / "out.h264")
                for layer in range(step):  # the upper layer repeats the lower one
                    self.assertEqual(shown[layer::step], own)

    def test_the_upper_layer_can_be_left_out(self):
        slices = judge_slices._digests(self.payloads(self.layered, layers=2))
        self.assertEqual(len(slices), len(set(slices)), "a judge takes two slices for one")
        upper = [nal for picture in self.layered if picture.layer for nal in picture.units]
        self.assertTrue(upper and all(nal[0] == 0x01 for nal in upper))  # nal_ref_idc 0

    def test_streams_that_cannot_be_skipped_are_refused(self):
        with self.assertRaises(ValueError):
            skip_picture.Writer().learn(b"\x67\x64\x00\x1e\xac\xd9\x40")  # high

    def test_tshark_reads_the_same_units(self):
        """Types as tshark finds them, packet by packet."""
        payloads = self.payloads(self.layered[:20], layers=2, prefixes=True)
        capture = self.path / "units.pcap"
        _write_pcap(capture, [struct.pack(">BBHII", 0x80, 122, number, 0, 7) + payload for number, payload in enumerate(payloads)])
        out = subprocess.run(["tshark", "-n", "-r", capture, "-d", "udp.port==5004,rtp", "-o", "h264.dynamic.payload.type:122", "-T", "fields",
                              "-E", "occurrence=f", "-e", "h264.nal_unit_hdr"], check=True, capture_output=True, text=True).stdout.split()
        self.assertEqual([int(kind) for kind in out], [payload[0] & 0x1F for payload in payloads])

    def test_tshark_reads_our_checks(self):
        capture = self.path / "checks.pcap"
        made = [stun.check(bytes(12), "abcd:efgh", PASSWORD, bytes(8), form=form) for form in ("microsoft", "rfc")]
        _write_pcap(capture, [CHECK, *made])
        out = subprocess.run(["tshark", "-n", "-r", capture, "-d", "udp.port==5004,stun", "-T", "fields", "-E", "occurrence=f", "-e", "stun.type",
                              "-e", "stun.att.username", "-e", "stun.att.crc32.status"], check=True, capture_output=True, text=True).stdout
        rows = [line.split("\t") for line in out.splitlines()]
        self.assertEqual([row[0] for row in rows], ["0x0001"] * 3)
        self.assertEqual([row[1].rstrip("\0") for row in rows], ["qW7z:Lm2K", "abcd:efgh", "abcd:efgh"])


class Frames(unittest.TestCase):
    def test_of_a_stream_in_any_pieces_come_the_packets(self):
        packets = [b"a", b"", b"b" * 300, b"c" * 1500]
        stream = b"".join(struct.pack(">H", len(packet)) + packet for packet in packets)
        for piece in (1, 7, len(stream)):
            with _connections() as made:
                found = [packet for at in range(0, len(stream), piece) for packet in made._cut(0, stream[at:at + piece])]
            self.assertEqual(found, packets)

    def test_tcp_only_offers_name_no_udp(self):
        for transport, kinds in (("tcp", {"PASS", "ACT"}), ("tcp-act", {"ACT"}), ("tcp-pass", {"PASS"})):
            with _connections(transport) as made:
                section = bodies.read("m=audio 9 RTP/SAVP 0\r\n" + "\r\n".join(made.candidates("192.0.2.2")) + "\r\n")[0]
                self.assertEqual(section.candidates, {})
                self.assertEqual({kind for kind, found in section.tcp_candidates.items() if found}, kinds)
                for found in filter(None, section.tcp_candidates.values()):
                    self.assertEqual(found, {component: ("192.0.2.2", made.ports[0]) for component in (1, 2)})


@contextlib.contextmanager
def _connections(transport="tcp"):
    """Without a namespace or sockets."""
    made = paths.Connections.__new__(paths.Connections)
    made._transport, made._read, made.ports, made.frames = transport, {0: b""}, [5000, 5000], 0
    yield made


class Answers(unittest.TestCase):
    def test_of_several_lines_the_tag_says_which_identifier(self):
        class Stream:
            kind, ports, ufrag, password, key, ssrc, mux = "audio", (1, 2), "abcd", "p" * 24, srtp.new_key(), 256, False
            paths = types.SimpleNamespace(candidates=lambda address: [], is_tcp=False)

        class Video(Stream):
            kind = "video"

        for release in bodies.RELEASES:
            for keys in ("all", "mki"):
                streams = {"audio": Stream(), "video": Video()}
                for stream in streams.values():
                    stream.mki_of_tag = {}
                text = bodies.offer(release, "192.0.2.2", streams, keys)
                lines = [line for line in text.split("\r\n") if line.startswith("a=crypto:")]
                self.assertEqual(keys == "mki", all(line.endswith("|1:1") for line in lines), f"{release} {keys}")
                self.assertTrue(all(identifier == b"\x01" for stream in streams.values() for identifier in stream.mki_of_tag.values()))
                self.assertEqual(len(bodies.read(text)), text.count("\nm="))


def _write_pcap(path, datagrams):
    """Classic pcap of Ethernet, IPv4 and UDP between ports 5004."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for number, datagram in enumerate(datagrams):
        udp = struct.pack(">HHHH", 5004, 5004, 8 + len(datagram), 0) + datagram
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
        frame = bytes(12) + b"\x08\x00" + ip + udp
        out += struct.pack("<IIII", 1, number, len(frame), len(frame)) + frame
    path.write_bytes(out)


if __name__ == "__main__":
    unittest.main()
