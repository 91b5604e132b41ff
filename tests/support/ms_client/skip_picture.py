"""Pictures of a temporal layer that no encoder at hand makes: P slices in which every macroblock is skipped and that nothing
refers to. Each shows its predecessor again (H.264 7.3.3, 7.3.4), so that a film keeps its frames and gains a layer."""


class _Bits:
    """Reads a NAL unit behind its header, without emulation prevention."""

    def __init__(self, nal):
        self._data = nal[1:].replace(b"\0\0\3", b"\0\0")
        self._at = 0

    def bits(self, count):
        value = 0
        for _ in range(count):
            value = value << 1 | self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def golomb(self):
        zeros = 0
        while not self.bits(1):
            zeros += 1
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed(self):
        code = self.golomb()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def _golomb(value):
    text = f"{value + 1:b}"
    return "0" * (len(text) - 1) + text


def _signed(value):
    return _golomb(2 * value - 1 if value > 0 else -2 * value)


class Writer:
    """learn() each NAL unit of the base layer; write() the picture behind it."""

    def __init__(self):
        self._frame_num, self._made = 0, 0

    def learn(self, nal):
        kind = nal[0] & 0x1F
        if kind == 7:
            self._sps(nal)
        elif kind == 8:
            self._pps(nal)
        elif kind in (1, 5):
            bits = _Bits(nal)
            for _ in range(3):  # first_mb_in_slice, slice_type, pic_parameter_set_id
                bits.golomb()
            self._frame_num = bits.bits(self._frame_num_bits)

    def _sps(self, nal):
        bits = _Bits(nal)
        if bits.bits(8) != 66:
            raise ValueError("skipped pictures are made for baseline alone")
        bits.bits(16)
        bits.golomb()
        self._frame_num_bits = bits.golomb() + 4
        if bits.golomb() != 2:
            raise ValueError("skipped pictures need pic_order_cnt_type 2")
        bits.golomb(), bits.bits(1)
        self._macroblocks = (bits.golomb() + 1) * (bits.golomb() + 1)

    def _pps(self, nal):
        bits = _Bits(nal)
        bits.golomb(), bits.golomb()
        if bits.bits(1) or bits.bits(1) or bits.golomb():
            raise ValueError("skipped pictures need CAVLC and one slice group")
        bits.golomb(), bits.golomb()
        if bits.bits(1) or bits.bits(2):
            raise ValueError("skipped pictures need a stream without weights")
        bits.signed(), bits.signed(), bits.signed()
        self._deblocking = bits.bits(1)

    def write(self):
        """No two of 600 in a row are alike, so that a judge can tell them apart: a QP that no macroblock uses differs."""
        self._made += 1
        number = self._frame_num + 1 & (1 << self._frame_num_bits) - 1
        text = _golomb(0) + _golomb(0 if self._made // 22 % 2 else 5) + _golomb(0)
        text += f"{number:0{self._frame_num_bits}b}" + "1" + _golomb(0) + "0" + _signed(self._made % 22 - 10)
        if self._deblocking:
            text += _golomb(1)
        text += _golomb(self._macroblocks) + "1"
        text += "0" * (-len(text) % 8)
        body = int(text, 2).to_bytes(len(text) // 8, "big")
        out = bytearray(b"\x01")
        for byte in body:
            if byte <= 3 and out[-2:] == b"\0\0":
                out.append(3)
            out.append(byte)
        return bytes(out)
