/**
 * Faults of a cluster that has three masters with one replica each.
 */
import { commonFaults, stalePromotion } from './common-faults.ts'
import { type Fault, testFaults } from './fault.ts'
import { type Cluster, startClusterOfSix } from './store.ts'

const clusterFaults: Fault<Cluster>[] = [
  {
    name: 'slot migrated',
    inject: ({ store }, { room }) => store.migrate(room),
  },
  {
    name: 'cluster node killed',
    isReset: true,
    inject: ({ store }, { room }) => store.failOver(room),
  },
  {
    name: 'cluster node hung until another node owns its slots',
    isReset: true,
    inject: ({ store }, { room }) => store.hang(room),
  },
]

testFaults('cluster', startClusterOfSix, [...commonFaults, ...clusterFaults, stalePromotion])
