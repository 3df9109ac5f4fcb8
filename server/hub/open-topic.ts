/**
 * A topic that has sessions on this instance, or requests that are about to become sessions.
 */
import type { FlushScheduler } from './flush-scheduler.ts'
import { SessionGroup } from './session-group.ts'
import { TopicReplica, type TopicReplicaOptions } from './topic-replica.ts'

export class OpenTopic {
  readonly replica: TopicReplica
  readonly group: SessionGroup
  /** Rejects with `Unavailable`. */
  readonly opened: Promise<void>
  /** Sessions and requests that are about to become sessions. */
  streams = 0
  /** Whether the replica has read the topic once. */
  isRead = false

  constructor(options: Omit<TopicReplicaOptions, 'onChange'>, scheduler: FlushScheduler) {
    this.replica = new TopicReplica({ ...options, onChange: () => scheduler.schedule(this.group) })
    this.group = new SessionGroup(this.replica)
    this.opened = this.replica.open().then(() => {
      this.isRead = true
    })
  }
}
