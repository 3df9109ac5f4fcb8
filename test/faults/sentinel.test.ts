/**
 * Faults of a master with two replicas and three sentinels.
 *
 * A master that hangs until it is replaced is not tested: when it resumes, it accepts writes until the sentinels make it a
 * replica, and those writes are lost. `min-replicas-to-write` prevents this.
 */
import { commonFaults, stalePromotion } from './common-faults.ts'
import { type Fault, testFaults } from './fault.ts'
import { type Replicated, startSentinels } from './store.ts'

const failover: Fault<Replicated> = {
  name: 'Sentinel failover',
  isReset: true,
  isUnready: true,
  inject: ({ store }, { room }) => store.failOver(room),
}

testFaults('sentinel', startSentinels, [...commonFaults, failover, stalePromotion])
