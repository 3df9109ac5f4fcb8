import { Sheet } from './sheet.jsx'

/** Rendered on the server, for each request. */
export default async function Page({ searchParams }) {
  const { user } = await searchParams
  return <Sheet user={user} />
}
