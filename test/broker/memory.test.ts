import { MemoryBroker, MemoryStore } from '../../server/broker/memory.ts'
import { brokerContract } from './contract.ts'

const store = new MemoryStore()
brokerContract('memory', async options => new MemoryBroker(options, store))
