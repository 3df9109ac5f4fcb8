/**
 * A topic's encoded snapshots, shared by the sessions that need one at about the same time.
 */
import type { ReplayBuffer } from './replay-buffer.ts'
import type { SnapshotReason } from './topic-format.ts'

/** The topic's values when its buffer had this end. */
export interface Snapshot {
  readonly bytes: Buffer
  readonly end: number
}

/**
 * A cached snapshot may lack one event for each of these bytes of its length, and the session gets the missing events as
 * frames. So a small snapshot is always current, and one of megabytes is not encoded again for each session: slow
 * readers that joined one after another then share one buffer.
 */
const bytesPerMissingEvent = 1024 * 1024

export class SnapshotCache {
  readonly #encode: (reason: SnapshotReason) => string
  readonly #snapshots = new Map<SnapshotReason, Snapshot>()

  constructor(encode: (reason: SnapshotReason) => string) {
    this.#encode = encode
  }

  get(reason: SnapshotReason, { start, end }: ReplayBuffer): Snapshot {
    const cached = this.#snapshots.get(reason)
    const mayLack = (cached?.bytes.length ?? 0) / bytesPerMissingEvent
    if (cached && cached.end >= start && end - cached.end <= mayLack) return cached
    const snapshot = { bytes: Buffer.from(this.#encode(reason)), end }
    this.#snapshots.set(reason, snapshot)
    return snapshot
  }

  /** Forgets every snapshot: the frame numbers have started again. */
  clear(): void {
    this.#snapshots.clear()
  }
}
