# When something goes wrong outside of a form.
not-found = There is nothing here for you
not-found-lead = The address may be mistyped, or you may not see what it shows.
form-refused = Open the page again
form-refused-lead = The form was open too long, or another site sent it. Nothing was changed. Go back, load the page again, and repeat what you did.
forbidden = You may not do this
forbidden-lead = It needs <code>{ $missing }</code>, and none of your roles has it here. Nothing was changed. An administrator can give you a role that does.
too-many = Please wait until { $until } UTC
too-many-lead = There were too many tries. The next one counts again { $left }. Where you are signed in, you stay signed in.
internal = Something failed on our side
internal-lead = Nothing was saved. Try again; if it happens twice, give the help desk this number.
busy = The server is busy at this moment
busy-lead = Nothing was changed. Wait a few seconds and load the page again.
unusable = This did not work
unusable-lead = What the browser sent does not fit this address. Nothing was changed. Go back, load the page again, and repeat what you did.
