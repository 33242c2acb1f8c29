# Signing in, second factors, recovery codes, passwords, invitations. <b>, <code> and named links are marks; values never are.
sign-in = Sign in
sign-in-to = to continue to { $application }
identifier = Username or e-mail
password = Password
show-password = Show password
hide-password = Hide password
continue = Continue
cancel = Cancel
sign-in-wrong = <b>That did not match.</b> Check the username and the password, and that Caps Lock is off.
sign-in-wait = <b>Please wait until { $until } UTC</b> There were several wrong tries. The next one counts again { $left }. Signed in on another device? That goes on.
sign-in-busy = <b>Too many people sign in at this moment</b> Your password was not looked at. Wait a few seconds and try again.
sign-in-expired = <b>This form was open too long</b> Nothing was changed. Sign in once more; you come back to the same place.
sign-in-step-ended = <b>This step has ended</b> It was open too long, or there were too many wrong codes. Nothing was changed. Sign in once more.
demo-people = This is a demo: names and passwords are on <page>its first page</page>.
signing-in-as = Signing in as <b>{ $name }</b>
not-you = Not you?

code-title = Enter your code
code-from = from the authenticator app on <b>{ $label }</b>
code-from-app = from your authenticator app
code = Code
code-hint = It changes every 30 seconds. This step ends { $left }.
code-wrong = This code was not accepted. Wait for the next one and enter that.
code-wrong-left = { $count ->
    [one] This code was not accepted. Wait for the next one and enter that. One try is left.
   *[other] This code was not accepted. Wait for the next one and enter that. { $count } tries are left.
}
code-wait = <b>Please wait until { $until } UTC</b> There were several wrong codes. The next one counts again { $left }.
code-busy = <b>The server is busy at this moment</b> Your entry was not looked at. Wait a few seconds and try again.
code-expired = <b>This form was open too long</b> Nothing was changed. Enter it once more.
code-clock = Often wrong? Set the phone’s clock to automatic.
use-recovery-code = <b>Phone not at hand?</b> Use <recovery>a recovery code</recovery>.
recovery-title = Enter a recovery code
recovery-lead = one of those you kept when you set up your second factor
recovery-code = Recovery code
recovery-hint = Each one works once. This step ends { $left }.
recovery-wrong = This code was not accepted. Check each character, or take one that you have not used yet.
use-app = <b>Phone at hand?</b> Use <app>the code of your app</app>.

enrol-title = Set up your second factor
enrol-role = The role <b>{ $role }</b> needs more than a password. This takes about a minute.
enrol-lead = Your roles need more than a password. This takes about a minute.
enrol-more-title = Add an authenticator app
enrol-more-lead = Besides the password, its code then shows that it is you. This takes about a minute.
enrol-scan = Scan with an authenticator app
enrol-any-app = Any app that makes six-digit codes will do.
enrol-qr = QR code for your authenticator app. The key beside it says the same.
enrol-type = Cannot scan? Type
enrol-code = Enter the code it shows
enrol-label = Name this phone
enrol-label-hint = So that you know it in your list of factors.
enrol-finish = Finish

codes-title = Keep your recovery codes
codes-lead = Each one signs you in once without your phone. They are shown only now.
codes-renewed-lead = Each one signs you in once without your phone. They are shown only now. Those you had before do not work any more.
codes-one-title = Keep this new recovery code
codes-one-lead = It replaces the one you used just now, and signs you in once without your phone. It is shown only now.
codes-keep = Print them or write them down, and put them where others do not look: not beside this device, not in your mail.
codes-file = recovery-codes.txt
print = Print
save-file = Save as a file
codes-new-title = Make new recovery codes?
codes-new-lead = You get ten. Each one signs you in once without your phone.
codes-new-void = { $count ->
    [0] None is left of those made { $made }.
    [one] The one that is left of those made { $made } stops working.
   *[other] The { $count } that are left of those made { $made } stop working.
}
codes-new = Make new ones

new-password = New password
current-password = Current password
password-choose-title = Choose your password
password-change-title = Change your password
password-expired = Yours is older than the rules here allow. Choose a new one, and you go on.
password-compromised = Others may know yours. Choose one that you use nowhere else, and you go on.
password-guidance = At least { $least } characters. A sentence is easy to remember and hard to guess. Spaces count; digits and signs are not needed.
password-set = Set the password
password-change = Change the password
password-wrong-current = This is not your present password. Check that Caps Lock is off.
password-too-short = This is too short. Enter { $least } characters or more.
password-too-long = This is too long. Enter 256 characters or fewer.
password-blocklisted = This password is on known lists of common and stolen passwords. Choose another.
password-context-word = This is made of your own name or address, or of ours, which others try first. Choose something else.
password-reused = You have used this password before. Choose one that is new.
password-too-new = Your present password is too young to be changed again. Wait a day.
password-composition = The rules here ask for capital and small letters, digits and signs. Add what is missing.
password-wait = <b>Please wait until { $until } UTC</b> There were several wrong passwords. The next one counts again { $left }.
password-busy = <b>The server is busy at this moment</b> Nothing was changed. Wait a few seconds and try again.
password-form-expired = <b>This form was open too long</b> Nothing was changed. Enter your password once more.

link-refused = This link is not valid
link-refused-title = This link is not valid, or no longer
link-refused-lead = It works once and for some days, and a newer link replaces it. Nothing was changed.
link-refused-help = Ask whoever invited you for a new one. If you have chosen your password already, sign in.
link-wait = <b>Please wait until { $until } UTC</b> There were many wrong links from your network. Yours is looked at again { $left }.
link-busy = <b>The server is busy at this moment</b> Nothing was changed and your link still works. Wait a few seconds and try again.
link-form-expired = <b>This form was open too long</b> Nothing was changed. Enter your password once more, or open the link again.
hello = Hello { $name }.
invited = An account was made for you at { $organisation }.
password-is-set = Your password is set
password-is-set-lead = Sign in with it as <b>{ $username }</b>. The link does not work any more.

sign-out = Sign out
sign-out-title = Sign out?
sign-out-lead = This ends your access on this device. Where else you are signed in, you stay signed in.
stay = Stay signed in
signed-out = Signed out
signed-out-title = You are signed out
signed-out-lead = This device has no access to your account any more.
sign-in-again = Sign in again
