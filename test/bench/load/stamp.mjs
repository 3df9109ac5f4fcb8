/**
 * The stamp in each location's `meta`: the time at which it was due, its sequence number and its publisher. All numbers
 * have a fixed number of digits, so that a reader finds them without parsing.
 */
const timeBase = 1_000_000_000
const seqBase = 10_000_000
const publisherBase = 1_000

export const needle = Buffer.from('"t":')
/** The length from the needle to the last digit: `"t":1000000000,"seq":10000000,"p":1000`. */
export const stampLength = 38
const comma = 44

/** Microseconds since the start of this process. */
export const nowUs = () => Math.round(performance.now() * 1_000)

export function location(user, dueUs, seq, p) {
  const meta = `{"t":${timeBase + dueUs},"seq":${seqBase + seq},"p":${publisherBase + p}}`
  return `{"user":"${user}","x":1,"y":2,"meta":${meta}}`
}

/** The next body of a publisher: one location or a batch. */
export function bodyOf(p, dueUs, seqs, batch) {
  if (batch === 1) return location(`u${p}`, dueUs, ++seqs[p], p)
  return `[${Array.from({ length: batch }, (_, i) => location(`u${p}-${i}`, dueUs, ++seqs[p], p)).join(',')}]`
}

export const timeAt = (bytes, at) => digits(bytes, at + 4, 10) - timeBase
export const seqAt = (bytes, at) => digits(bytes, at + 21, 8) - seqBase
export const publisherAt = (bytes, at) => digits(bytes, at + 34, 4) - publisherBase

/** Whether a stamp begins at `at`. */
export function isStamp(bytes, at) {
  return bytes[at] === 34 && bytes[at + 1] === 116 && bytes[at + 2] === 34 && bytes[at + 14] === comma
}

function digits(bytes, from, count) {
  let number = 0
  for (let i = from; i < from + count; i++) number = number * 10 + bytes[i] - 48
  return number
}
