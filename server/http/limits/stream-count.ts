/**
 * How many streams each address and each collaborator has open at this instance.
 */
const maxForAddress = 2_000
const maxForUser = 100

export class StreamCount {
  readonly #ofAddresses = new Map<string, number>()
  readonly #ofUsers = new Map<string, number>()

  /** Counts a stream; the function it gives ends that. Null: it is one too many. Whoever is not known is not counted. */
  enter(address: string | undefined, user: string | undefined): (() => void) | null {
    const addresses = countOf(this.#ofAddresses, address)
    const users = countOf(this.#ofUsers, user)
    if (addresses >= maxForAddress || users >= maxForUser) return null
    add(this.#ofAddresses, address, 1)
    add(this.#ofUsers, user, 1)
    return () => {
      add(this.#ofAddresses, address, -1)
      add(this.#ofUsers, user, -1)
    }
  }
}

function countOf(counts: Map<string, number>, key: string | undefined): number {
  return (key !== undefined && counts.get(key)) || 0
}

function add(counts: Map<string, number>, key: string | undefined, by: 1 | -1): void {
  if (key === undefined) return
  const count = countOf(counts, key) + by
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
