/**
 * The default color of a user id, the same on every instance.
 */
const saturation = 0.7
/** Neighbouring hues are easier to tell apart when their lightness differs, too. */
const lightnesses = [0.4, 0.5, 0.62]

export function colorOf(user: string): string {
  const bits = hash(user)
  const hue = bits % 360
  const lightness = lightnesses[(bits >>> 16) % lightnesses.length] ?? 0.5
  const channel = (offset: number) => {
    const k = (offset + hue / 30) % 12
    const level = lightness - saturation * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(k - 3, 9 - k, 1))
    return Math.round(level * 255)
      .toString(16)
      .padStart(2, '0')
  }
  return `#${channel(0)}${channel(8)}${channel(4)}`
}

/**
 * FNV-1a, then MurmurHash3's finalizer: FNV alone turns ids that differ in the last character into hues a fixed step apart.
 */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, 0x01000193) >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
