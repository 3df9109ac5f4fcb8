/**
 * Faults of a master with two replicas and three sentinels.
 *
 * A master that hangs until it has a successor is not among them: it takes writes again until the sentinels get hold of it,
 * and what it answers then is lost with it. That is for `min-replicas-to-write` to prevent.
 */
import { everywhere, stalePromotion } from './everywhere.ts'
import { type Fault, testFaults } from './fault.ts'
import { type Replicated, startSentinels } from './store.ts'

const failover: Fault<Replicated> = {
  name: 'Sentinel failover',
  isReset: true,
  isUnready: true,
  inject: ({ store }, { room }) => store.failOver(room),
}

testFaults('sentinel', startSentinels, [...everywhere, failover, stalePromotion])
