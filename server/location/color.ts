/**
 * The default colour of a user id: the same on every instance, and neither too pale nor too dark to read.
 */
export function colorOf(user: string): string {
  const hue = hash(user) % 360
  const channel = (offset: number) => {
    const k = (offset + hue / 30) % 12
    const level = 0.5 - 0.35 * Math.max(-1, Math.min(k - 3, 9 - k, 1))
    return Math.round(level * 255)
      .toString(16)
      .padStart(2, '0')
  }
  return `#${channel(0)}${channel(8)}${channel(4)}`
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, 0x01000193) >>> 0
  return h
}
