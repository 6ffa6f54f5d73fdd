"""What is dear in the schema: the one file that says so. Points; how they add up is `cost.py`'s.

A point is some tenth of a millisecond of a processor: an object that is loaded, made and shown.
"""

OBJECT = 1
MUTATION = 10
SUBSCRIPTION = 10
INTROSPECTION = 500
"""All of `__schema` or `__type`, whatever is selected of it."""

MOST_ELEMENTS = 100
"""The largest page there is."""
ELEMENTS = 10
"""How many a list that is no page is taken to have, where `LISTS` does not say."""

LISTS = {
    "Query.permissionMatrix": 5,
    "QueueSnapshot.waiting": 100,
    "QueueAnalytics.points": 100,
    "QueueAnalytics.heatMap": 168,
    "QueueAnalytics.slices": 50,
    "QueueAnalytics.abandonmentByPosition": 20,
    "QueueRecommendations.recommendations": 6,
    "Session.notes": 5,
    "SimulatedWorld.hours": 24,
}

# A password is hashed, or compared with a hash: 27 ms of a processor, whatever comes of it.
PASSWORD = 300
# A code is made and a message sent: a job, a connection to the mail server, and somebody who has to look at it.
MESSAGE = 100

WEIGHTS = {
    "Mutation.invitationAccept": PASSWORD,
    "Mutation.loginStepUp": PASSWORD,
    "Mutation.passwordChange": 2 * PASSWORD,  # the present one and the new one
    "Mutation.passwordReset": PASSWORD,
    "Mutation.tenantCreate": PASSWORD,
    "Mutation.userConfirm": PASSWORD,
    "Mutation.userCreate": PASSWORD,
    "Mutation.userLogin": PASSWORD,
    "Mutation.userUpdate": PASSWORD,
    "Mutation.emailChange": MESSAGE,
    # Another system is asked, which may take its five seconds.
    "Mutation.integrationTest": MESSAGE,
    "Mutation.sessionPay": MESSAGE,
    "Mutation.messageProviderTest": MESSAGE,
    "Mutation.loginEnroll": MESSAGE,
    "Mutation.loginSendCode": MESSAGE,
    "Mutation.loginStepUpSendCode": MESSAGE,
    "Mutation.passwordRequestReset": MESSAGE,
    "Mutation.phoneChange": MESSAGE,
    "Mutation.secondFactorEnroll": MESSAGE,
    "Mutation.userInvite": MESSAGE,
    "Mutation.userRegister": MESSAGE,
    # Fold a log, make many rows at once, answer with a whole line.
    "Mutation.accessCodeCreate": 100,
    "Mutation.accessEntryAdd": 100,
    "Query.queueAsOf": 300,
    # Some seconds of a processor, though of another process, and one after the other.
    "Query.queueRecommendations": 1_000,
    "Query.simulateQueue": 1_000,
    # Adds up to three months of samples.
    "Query.estimateAccuracy": 50,
    # Add up some hundred rows with their histograms.
    "Query.queueAnalytics": 100,
    "Query.staffPerformance": 100,
    "Query.tenantDashboard": 100,
    "Subscription.dashboardChanged": 100,
    "QueueAnalytics.previous": 50,
    "QueueAnalytics.peakHours": 50,
    "Queue.asOf": 300,
    # A code that a provider's answer became, and a sign-in: three blocks and two signatures.
    "Mutation.loginExchange": 50,
    # Jobs that read a tenant's tables from end to end, and an erasure writes what it finds.
    "Mutation.personErase": 1_000,
    "Mutation.personExport": 1_000,
    "Mutation.exportCreate": 1_000,
    "Mutation.importCreate": 1_000,
}
