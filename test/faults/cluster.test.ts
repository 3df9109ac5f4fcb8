/**
 * Faults of a cluster of three masters with a replica each.
 */
import { everywhere, stalePromotion } from './everywhere.ts'
import { type Fault, testFaults } from './fault.ts'
import { type Cluster, startClusterOfSix } from './store.ts'

const ofClusters: Fault<Cluster>[] = [
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
    name: 'cluster node hung until another has its slots',
    isReset: true,
    inject: ({ store }, { room }) => store.hang(room),
  },
]

testFaults('cluster', startClusterOfSix, [...everywhere, ...ofClusters, stalePromotion])
