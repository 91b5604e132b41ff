#include "dataplane/worker/hand_over.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/io/port_class.h"

namespace isthmus::worker {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes udp(bool v6, std::uint16_t port) {
  Bytes bytes(v6 ? 70 : 60);
  store_be16(&bytes[12], v6 ? 0x86dd : 0x0800);
  bytes[14] = v6 ? 0x60 : 0x45;
  bytes[v6 ? 20 : 23] = 17;
  store_be16(&bytes[v6 ? 56 : 36], port);
  return bytes;
}

io::Frame frame_of(Bytes& bytes) {
  io::Frame frame;
  frame.data = bytes.data();
  frame.handle = bytes.data();
  frame.length = static_cast<std::uint16_t>(bytes.size());
  return frame;
}

TEST(OwnerOf, IsTheClassOfTheDestinationPort) {
  for (const bool v6 : {false, true}) {
    for (std::uint16_t port = 56'000; port < 56'020; ++port) {
      Bytes bytes = udp(v6, port);
      EXPECT_EQ(owner_of(frame_of(bytes), 3, 9), io::port_class(port, 3)) << v6 << " " << port;
    }
  }
}

TEST(OwnerOf, WhatIsNoUdpStaysWhereItCame) {
  Bytes bytes = udp(false, 56'002);
  ASSERT_EQ(owner_of(frame_of(bytes), 2, 0), 1U);
  const std::array<std::pair<std::size_t, std::uint8_t>, 4> damages{{{12, 0x06}, {14, 0x46}, {14, 0x55}, {23, 6}}};
  for (const auto& [at, value] : damages) {
    Bytes damaged = bytes;
    damaged[at] = value;
    EXPECT_EQ(owner_of(frame_of(damaged), 2, 0), 0U) << at;
  }
  for (const bool v6 : {false, true}) {
    Bytes whole = udp(v6, 56'002);
    // Up to the last byte of the headers; behind them nothing is read.
    for (std::size_t size = 0; size < (v6 ? 62U : 42U); ++size) {
      Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(owner_of(frame_of(cut), 2, 0), 0U) << size;
    }
  }
}

class HandOverTest : public testing::Test {
 protected:
  /// `count` packets for worker 1 of 2.
  void receive(io::Burst& burst, std::size_t count) {
    burst.count = 0;
    for (std::size_t i = 0; i < count; ++i) burst.add(frame_of(for_one_));
  }
  Bytes for_zero_ = udp(false, 56'000);
  Bytes for_one_ = udp(false, 56'002);
  HandOver hand_over_{2};
  io::Burst burst_;
  Given given_;
};

TEST_F(HandOverTest, EachGetsItsOwnInOrder) {
  for (int i = 0; i < 6; ++i) {
    io::Frame frame = frame_of(i % 3 == 0 ? for_one_ : for_zero_);
    frame.tailroom = static_cast<std::uint16_t>(i);
    burst_.add(frame);
  }
  hand_over_.give(0, burst_, given_);
  EXPECT_EQ(given_.frames, 2U);
  EXPECT_EQ(given_.full.count, 0U);
  ASSERT_EQ(burst_.count, 4U);
  constexpr std::array<int, 4> kOwn{1, 2, 4, 5};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(burst_.frames[i].tailroom, kOwn[i]);
  io::Burst other;
  EXPECT_EQ(hand_over_.take(1, other), 2U);
  EXPECT_EQ(other.frames[0].tailroom, 0);
  EXPECT_EQ(other.frames[1].tailroom, 3);
  EXPECT_EQ(hand_over_.take(1, other), 0U);
  EXPECT_EQ(hand_over_.take(0, burst_), 0U);
}

TEST_F(HandOverTest, AFullRingGivesThemBack) {
  std::size_t held = 0;
  std::size_t full = 0;
  while (full == 0) {
    ASSERT_LT(held, 4 * HandOver::kRingFrames);
    receive(burst_, io::kBurstSize);
    hand_over_.give(0, burst_, given_);
    EXPECT_EQ(burst_.count, 0U);
    EXPECT_EQ(given_.frames + given_.full.count, io::kBurstSize);
    EXPECT_EQ(given_.full_bytes, 60 * given_.full.count);
    held += given_.frames;
    full += given_.full.count;
  }
  EXPECT_GE(held, HandOver::kRingFrames);
  io::Burst other;
  std::size_t taken = 0;
  while (hand_over_.take(1, other) > 0) {
    taken += other.count;
    other.count = 0;
  }
  EXPECT_EQ(taken, held);
}

TEST_F(HandOverTest, TakesNoMoreThanThereIsRoomFor) {
  receive(burst_, 10);
  hand_over_.give(0, burst_, given_);
  io::Burst other;
  for (std::size_t i = 0; i < io::kBurstSize - 4; ++i) other.add(frame_of(for_one_));
  EXPECT_EQ(hand_over_.take(1, other), 4U);
  EXPECT_TRUE(other.full());
  EXPECT_EQ(hand_over_.take(1, other), 0U);
}

TEST(HandOverOfThree, NobodyIsStarved) {
  HandOver hand_over(3);
  Bytes bytes = udp(false, 56'002);
  ASSERT_EQ(owner_of(frame_of(bytes), 3, 9), io::port_class(56'002, 3));
  const std::size_t owner = io::port_class(56'002, 3);
  Given given;
  for (std::uint8_t from = 0; from < 3; ++from) {
    if (from == owner) continue;
    for (int i = 0; i < 4; ++i) {
      io::Burst burst;
      while (!burst.full()) {
        burst.add(frame_of(bytes));
        burst.frames[burst.count - 1].queue = from;
      }
      hand_over.give(from, burst, given);
    }
  }
  std::vector<int> from(3);
  for (int turn = 0; turn < 4; ++turn) {
    io::Burst burst;
    hand_over.take(owner, burst);
    for (std::size_t i = 0; i < burst.count; ++i) ++from[burst.frames[i].queue];
  }
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(from[i] > 0, i != owner) << i;
}

}  // namespace
}  // namespace isthmus::worker
