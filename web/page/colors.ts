/**
 * Readable text on every collaborator's color.
 */
const FALLBACK = '#5f6368'

/** The server sends `#rrggbb`. Any other value becomes grey. */
export const safeColor = (color: string) => (/^#[0-9a-f]{6}$/i.test(color) ? color : FALLBACK)

/**
 * Black or white, whichever has the higher contrast by WCAG 2. Both contrasts are equal at a luminance of about 0.179.
 */
export function textColorOn(color: string): string {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map(index =>
    linear(Number.parseInt(safeColor(color).slice(index, index + 2), 16) / 255),
  )
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#000000' : '#ffffff'
}

const linear = (channel: number) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4)
