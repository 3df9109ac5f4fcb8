'use client'

import { RoomProvider, useMove, useOthers, useRoomEvent, useSelf, useStatus } from '@colocate/client/react'
import { useState } from 'react'

const columns = [0, 1, 2, 3, 4]
const rows = [0, 1, 2, 3, 4, 5]

export function Sheet({ user }) {
  return (
    <RoomProvider room="next" url="/presence" user={user} location={{ x: 0, y: 0 }}>
      <Status />
      <table>
        <tbody>
          {rows.map(y => (
            <tr key={y}>
              {columns.map(x => (
                <Cell key={x} x={x} y={y} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </RoomProvider>
  )
}

function Status() {
  const count = useOthers(others => others.length)
  const status = useStatus()
  const [refusal, setRefusal] = useState()
  useRoomEvent('error', error => setRefusal(error.detail))
  return <p>{refusal ?? `${status}, ${count} others`}</p>
}

function Cell({ x, y }) {
  const move = useMove()
  const self = useSelf()
  const others = useOthers(all => all.filter(other => other.x === x && other.y === y))
  const here = self?.x === x && self.y === y ? [self, ...others] : others
  return (
    <td>
      <button type="button" onClick={() => move({ x, y })} style={{ width: '8em', height: '2.5em' }}>
        {here.map(({ user, name, color }) => (
          <span key={user} style={{ background: color }}>
            {name}
          </span>
        ))}
      </button>
    </td>
  )
}
