/**
 * A histogram of delays in whole microseconds. Its bins are 1.6 % wide, so that it can count a million delays a second.
 */
const binsPerOctave = 64
const bits = 6

export class Histogram {
  #bins = new Uint32Array(binsPerOctave * 27)
  #count = 0

  add(us) {
    this.#bins[binOf(Math.max(us, 0))]++
    this.#count++
  }

  /** Returns a quantile in milliseconds, or null if the histogram is empty. */
  quantile(share) {
    if (this.#count === 0) return null
    let left = Math.floor(share * this.#count)
    for (let bin = 0; ; bin++) {
      left -= this.#bins[bin]
      if (left < 0 || bin === this.#bins.length - 1) return middleOf(bin) / 1_000
    }
  }
}

function binOf(us) {
  if (us < binsPerOctave) return us
  const shift = 31 - bits - Math.clz32(us)
  return (shift + 1) * binsPerOctave + ((us >> shift) & (binsPerOctave - 1))
}

function middleOf(bin) {
  if (bin < binsPerOctave) return bin
  const shift = Math.floor(bin / binsPerOctave) - 1
  return (binsPerOctave + (bin % binsPerOctave) + 0.5) * 2 ** shift
}
